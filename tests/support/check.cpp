#define TEST_SUITE check
#include "tests/support/test.hpp"

namespace troupe::test {

void check(bool holds, const place& at, failing how) {
  using caf::test::engine;
  const auto line = static_cast<std::size_t>(at.line);
  static_cast<void>(caf::test::detail::check(engine::current_test(), at.file, line, at.text, false, holds));
  engine::last_check_file(at.file);
  engine::last_check_line(line);
  if (!holds && how == failing::ends_test)
    caf::test::detail::requirement_failed(at.text);
}

void compared(bool equal, const std::string& left, const std::string& right, const place& at, failing how) {
  if (equal)
    return check(true, at, how);
  const auto text = std::string{at.text} + "\n     left: " + left + "\n     right: " + right;
  check(false, {at.file, at.line, text.c_str()}, how);
}

} // namespace troupe::test
