// A file descriptor that closes itself, and the system calls of the file back-end with their errors in words.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::storage::files {

class file {
public:
  file() = default;
  explicit file(int descriptor) noexcept : descriptor_{descriptor} {}
  file(file&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}
  file& operator=(file&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~file();

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }

private:
  int descriptor_ = -1;
};

/// A new file for writing, for its owner alone; or an existing one for reading (no file and no error: there is none).
/// Errors of this header are ec::storage_failed, one line with the path.
[[nodiscard]] result<file> create(const std::string& path);
[[nodiscard]] result<file> open_if_there(const std::string& path);

[[nodiscard]] result<void> write_all(const file& to, const std::string& path, std::string_view bytes);

/// Makes `buffer` hold `count` bytes from `offset`, or fewer when the file ends.
[[nodiscard]] result<void> read_at(
  const file& from, const std::string& path, std::int64_t offset, std::size_t count, std::string& buffer);

/// Waits until the file's bytes, or a directory's entries, are on the disk.
[[nodiscard]] result<void> sync(const file& what, const std::string& path);
[[nodiscard]] result<void> sync_directory(const std::string& path);

[[nodiscard]] result<void> move_file(const std::string& from, const std::string& to);
/// That there is none is no error.
[[nodiscard]] result<void> remove_file(const std::string& path);
/// Whether it was made just now, rather than there before.
[[nodiscard]] result<bool> make_directory(const std::string& path);

} // namespace troupe::storage::files
