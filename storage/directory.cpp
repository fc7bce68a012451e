#include "storage/directory.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace troupe::storage {
namespace {

auto unusable(const std::string& path, const std::string& why) {
  return fail(ec::storage_unusable, path + ": cannot be used as the data directory: " + why);
}

std::string text_of(int number) {
  return std::error_code{number, std::system_category()}.message();
}

} // namespace

result<void> prepare_directory(const std::string& path) {
  namespace fs = std::filesystem;
  if (path.empty())
    return unusable("\"\"", "expected a path");
  auto trouble = std::error_code{};
  const auto status = fs::status(path, trouble);
  if (fs::exists(status) && !fs::is_directory(status))
    return unusable(path, "it is not a directory");
  if (status.type() == fs::file_type::not_found) {
    // Parents with the usual permissions (they may be shared), the directory itself for its owner alone.
    auto whole = fs::absolute(path, trouble).lexically_normal();
    if (!whole.has_filename()) // "data/" names the same directory as "data"
      whole = whole.parent_path();
    fs::create_directories(whole.parent_path(), trouble);
    if (trouble)
      return unusable(path, trouble.message());
    if (::mkdir(whole.c_str(), S_IRWXU) != 0 && errno != EEXIST)
      return unusable(path, text_of(errno));
  } else if (trouble) {
    return unusable(path, trouble.message());
  }
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0)
    return unusable(path, text_of(errno));
  return ok();
}

result<std::unique_ptr<directory_lock>> directory_lock::take(const std::string& path) {
  if (auto made = prepare_directory(path); !made)
    return made.as_failure();
  const int file =
    ::open((path + '/' + std::string{node_lock_name}).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0)
    return unusable(path, std::string{node_lock_name} + ": " + text_of(errno));
  auto lock = std::unique_ptr<directory_lock>{new directory_lock{file}};
  if (::flock(file, LOCK_EX | LOCK_NB) == 0)
    return lock;
  if (errno == EWOULDBLOCK)
    return unusable(
      path, "another node runs in it; stop that one, or give this one a directory of its own (--data-dir)");
  return unusable(path, std::string{node_lock_name} + ": " + text_of(errno));
}

directory_lock::~directory_lock() {
  ::close(file_);
}

} // namespace troupe::storage
