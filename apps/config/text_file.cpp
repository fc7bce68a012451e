#include "apps/config/text_file.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace troupe::config {
namespace {

constexpr std::size_t largest = 1 << 20;

std::optional<text_file> failed(std::string& reason) {
  reason = "cannot be read: " + std::error_code{errno, std::system_category()}.message();
  return std::nullopt;
}

struct descriptor {
  int number;
  explicit descriptor(int n) noexcept : number{n} {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number >= 0)
      ::close(number);
  }
};

} // namespace

std::optional<text_file> read_text_file(const std::string& path, std::string& reason) {
  // NONBLOCK: opening a pipe by mistake must not wait for its writer.
  const auto file = descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat found {};
  if (file.number < 0 || ::fstat(file.number, &found) != 0)
    return failed(reason);
  if (!S_ISREG(found.st_mode)) {
    reason = S_ISDIR(found.st_mode) ? "cannot be read: it is a directory" : "cannot be read: it is not a regular file";
    return std::nullopt;
  }
  auto out = text_file{{}, found.st_mode & 07777U, found.st_uid};
  auto buffer = std::array<char, 16384>{};
  while (true) {
    const auto got = ::read(file.number, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return failed(reason);
    if (got == 0)
      return out;
    out.text.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.text.size() > largest) {
      reason = "cannot be read: it is larger than 1 MiB";
      return std::nullopt;
    }
  }
}

} // namespace troupe::config
