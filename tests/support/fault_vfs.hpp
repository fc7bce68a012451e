// SQLite's own VFS with a disk beneath that loses power (power_disk.hpp).
#pragma once

#include "tests/support/power_disk.hpp"

#include <memory>

namespace troupe::test {

/// While it lives, SQLite opens every file through it. Files beneath the disk's root are on that disk; locks and shared
/// memory stay SQLite's own. One at a time, in a test without other threads that open databases; every database is
/// closed before it.
class fault_vfs {
public:
  explicit fault_vfs(power_disk& disk);
  fault_vfs(const fault_vfs&) = delete;
  fault_vfs& operator=(const fault_vfs&) = delete;
  ~fault_vfs();

private:
  struct registration;
  std::unique_ptr<registration> registered_;
};

} // namespace troupe::test
