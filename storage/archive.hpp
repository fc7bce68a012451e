// Files in one file: a tar archive compressed with zstd, by libarchive, so that it can also be looked into with
// `tar --zstd -tf`. Errors are ec::storage_failed and name the archive or the file that went wrong.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe::storage {

class archive_writer {
public:
  /// Writes to a descriptor, which stays the caller's; `path` is what errors call it.
  [[nodiscard]] static result<std::unique_ptr<archive_writer>> open(int descriptor, std::string path);
  ~archive_writer();
  archive_writer(const archive_writer&) = delete;
  archive_writer& operator=(const archive_writer&) = delete;

  /// Adds the file at `path` as `name`; the SHA-256 of its bytes, in hex. A file that ends before the size that it
  /// began with is an error; what is appended meanwhile is left out.
  [[nodiscard]] result<std::string> add_file(const std::string& name, const std::string& path);
  [[nodiscard]] result<std::string> add_text(const std::string& name, std::string_view text);
  /// Once, at the end.
  [[nodiscard]] result<void> finish();

private:
  struct state;
  explicit archive_writer(std::unique_ptr<state> s) noexcept;
  std::unique_ptr<state> state_;
};

/// One file of an archive.
struct archived {
  std::string name;
  bool regular = false; ///< not a link, a directory or a device
};

class archive_reader {
public:
  [[nodiscard]] static result<std::unique_ptr<archive_reader>> open(const std::string& path);
  ~archive_reader();
  archive_reader(const archive_reader&) = delete;
  archive_reader& operator=(const archive_reader&) = delete;

  /// The next file, or none at the end.
  [[nodiscard]] result<std::optional<archived>> next();
  /// The next bytes of that file; 0: its end.
  [[nodiscard]] result<std::size_t> read(std::span<char> buffer);

private:
  struct state;
  explicit archive_reader(std::unique_ptr<state> s) noexcept;
  std::unique_ptr<state> state_;
};

} // namespace troupe::storage
