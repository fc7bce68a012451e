// A file descriptor that closes itself, and the system calls of the file back-end with their errors in words.
//
// Whatever must survive a power cut goes through `system_calls`, so that a test can put a disk there that forgets what
// was not synced.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

namespace troupe::storage::files {

/// The calls of the operating system, each as its manual page has it (errno included). Stateless, and so for any
/// thread; a class that overrides them says for itself.
class system_calls {
public:
  system_calls() = default;
  system_calls(const system_calls&) = delete;
  system_calls& operator=(const system_calls&) = delete;
  virtual ~system_calls() = default;

  virtual int open(const char* path, int flags);
  virtual void close(int descriptor) noexcept;
  virtual ssize_t write(int descriptor, const char* bytes, std::size_t count);
  virtual ssize_t pread(int descriptor, char* bytes, std::size_t count, off_t offset);
  virtual int fsync(int descriptor);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
  virtual int mkdir(const char* path);

  /// The real ones.
  [[nodiscard]] static system_calls& real() noexcept;
};

/// Outlived by the calls that it was opened with.
class file {
public:
  file() = default;
  file(system_calls& calls, int descriptor) noexcept : calls_{&calls}, descriptor_{descriptor} {}
  file(file&& other) noexcept : calls_{other.calls_}, descriptor_{std::exchange(other.descriptor_, -1)} {}
  file& operator=(file&& other) noexcept {
    std::swap(calls_, other.calls_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~file();

  [[nodiscard]] system_calls& calls() const noexcept { return *calls_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }

private:
  system_calls* calls_ = nullptr;
  int descriptor_ = -1;
};

/// A new file for writing, for its owner alone; or an existing one for reading (no file and no error: there is none).
/// Errors of this header are ec::storage_failed, one line with the path.
[[nodiscard]] result<file> create(system_calls& calls, const std::string& path);
[[nodiscard]] result<file> open_if_there(system_calls& calls, const std::string& path);

[[nodiscard]] result<void> write_all(const file& to, const std::string& path, std::string_view bytes);

/// Makes `buffer` hold `count` bytes from `offset`, or fewer when the file ends.
[[nodiscard]] result<void> read_at(
  const file& from, const std::string& path, std::int64_t offset, std::size_t count, std::string& buffer);

/// Waits until the file's bytes, or a directory's entries, are on the disk.
[[nodiscard]] result<void> sync(const file& what, const std::string& path);
[[nodiscard]] result<void> sync_directory(system_calls& calls, const std::string& path);

[[nodiscard]] result<void> move_file(system_calls& calls, const std::string& from, const std::string& to);
/// That there is none is no error.
[[nodiscard]] result<void> remove_file(system_calls& calls, const std::string& path);
/// Whether it was made just now, rather than there before.
[[nodiscard]] result<bool> make_directory(system_calls& calls, const std::string& path);

} // namespace troupe::storage::files
