#include "storage/files/file.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace troupe::storage::files {
namespace {

auto failed(const std::string& path, const char* what) {
  const auto number = errno;
  return fail(
    ec::storage_failed, path + ": cannot " + what + ": " + std::error_code{number, std::system_category()}.message());
}

} // namespace

int system_calls::open(const char* path, int flags) {
  return ::open(path, flags, S_IRUSR | S_IWUSR);
}

void system_calls::close(int descriptor) noexcept {
  ::close(descriptor);
}

ssize_t system_calls::write(int descriptor, const char* bytes, std::size_t count) {
  return ::write(descriptor, bytes, count);
}

ssize_t system_calls::pread(int descriptor, char* bytes, std::size_t count, off_t offset) {
  return ::pread(descriptor, bytes, count, offset);
}

int system_calls::fsync(int descriptor) {
  return ::fsync(descriptor);
}

int system_calls::rename(const char* from, const char* to) {
  return ::rename(from, to);
}

int system_calls::unlink(const char* path) {
  return ::unlink(path);
}

int system_calls::mkdir(const char* path) {
  return ::mkdir(path, S_IRWXU);
}

system_calls& system_calls::real() noexcept {
  static auto calls = system_calls{};
  return calls;
}

file::~file() {
  if (descriptor_ >= 0)
    calls_->close(descriptor_);
}

result<file> create(system_calls& calls, const std::string& path) {
  auto made = file{calls, calls.open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC)};
  if (!made)
    return failed(path, "be made");
  return made;
}

result<file> open_if_there(system_calls& calls, const std::string& path) {
  auto opened = file{calls, calls.open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!opened && errno != ENOENT)
    return failed(path, "be opened");
  return opened;
}

result<void> write_all(const file& to, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = to.calls().write(to.descriptor(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return failed(path, "be written");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return ok();
}

result<void> read_at(
  const file& from, const std::string& path, std::int64_t offset, std::size_t count, std::string& buffer) {
  buffer.resize(count);
  std::size_t have = 0;
  while (have < count) {
    const auto got = from.calls().pread(
      from.descriptor(), buffer.data() + have, count - have, static_cast<off_t>(offset) + static_cast<off_t>(have));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return failed(path, "be read");
    if (got == 0)
      break;
    have += static_cast<std::size_t>(got);
  }
  buffer.resize(have);
  return ok();
}

result<void> sync(const file& what, const std::string& path) {
  // After a failed fsync the kernel may have dropped the pages: there is no second try, the put has failed.
  return what.calls().fsync(what.descriptor()) == 0 ? result<void>{ok()} : failed(path, "be synced");
}

result<void> sync_directory(system_calls& calls, const std::string& path) {
  const auto opened = file{calls, calls.open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return opened ? sync(opened, path) : failed(path, "be opened");
}

result<void> move_file(system_calls& calls, const std::string& from, const std::string& to) {
  return calls.rename(from.c_str(), to.c_str()) == 0 ? result<void>{ok()} : failed(from, "be renamed");
}

result<void> remove_file(system_calls& calls, const std::string& path) {
  return calls.unlink(path.c_str()) == 0 || errno == ENOENT ? result<void>{ok()} : failed(path, "be removed");
}

result<bool> make_directory(system_calls& calls, const std::string& path) {
  if (calls.mkdir(path.c_str()) == 0)
    return true;
  if (errno == EEXIST)
    return false;
  return failed(path, "be made");
}

} // namespace troupe::storage::files
