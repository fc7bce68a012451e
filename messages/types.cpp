#include "messages/types.hpp"

namespace troupe {

std::string_view to_string(strategy s) noexcept {
  return s == strategy::merge ? "merge" : "fallback";
}

bool parse(std::string_view text, strategy& out) noexcept {
  if (text == "merge")
    out = strategy::merge;
  else if (text == "fallback")
    out = strategy::fallback;
  else
    return false;
  return true;
}

} // namespace troupe
