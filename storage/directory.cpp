#include "storage/directory.hpp"

#include <cerrno>
#include <filesystem>
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

} // namespace troupe::storage
