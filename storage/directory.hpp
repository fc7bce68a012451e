// The data directory: where the embedded stores keep their files.
#pragma once

#include "messages/result.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace troupe::storage {

/// Makes `path` (and what leads to it) if it is missing, readable by its owner alone, and makes sure that this process
/// may read and write in it. Fails with ec::storage_unusable and one line that names the path.
[[nodiscard]] result<void> prepare_directory(const std::string& path);

/// The file of directory_lock, which no backup holds.
inline constexpr std::string_view node_lock_name = "node.lock";

/// Says that a node lives in a data directory, for as long as it is held: leases are kept under one name there, so two
/// nodes would do each other's work. A lock on a file, which the system lets go when the process dies,
/// however it does. Backups and migrations do not ask for it.
class directory_lock {
public:
  /// Fails with ec::storage_unusable and one line that names the path, when another node holds it or it cannot be made.
  [[nodiscard]] static result<std::unique_ptr<directory_lock>> take(const std::string& path);
  directory_lock(const directory_lock&) = delete;
  directory_lock& operator=(const directory_lock&) = delete;
  ~directory_lock();

private:
  explicit directory_lock(int file) noexcept : file_{file} {}
  int file_;
};

} // namespace troupe::storage
