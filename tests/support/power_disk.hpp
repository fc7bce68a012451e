// A disk that loses power. Files and directories live where they always do; beside them this keeps, for everything that
// was changed since it was synced, what the disk may or may not have of it. After the cut a seeded choice says what it
// had, and the directory is made to look like that.
//
// What may be lost is what POSIX allows: a write until its file is synced, a name (of a new, renamed or removed file or
// of a directory) until its directory is. Each un-synced write is kept, lost or torn in sectors by itself, so also a
// later one may be there and an earlier one not; behind the old end of a file a lost sector is zeros or rubbish. A
// rename happens as a whole or not at all, and a name never outlives the directory that it is in, as in the file
// systems with a journal.
#pragma once

#include "storage/files/file.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

class power_disk {
public:
  struct inode;
  using inode_ptr = std::shared_ptr<inode>;

  /// A disk for what is beneath `root` (an absolute path), all of which it has safely. The power goes with the change
  /// number `changes` from now (from 1; a sync is one too): of that change the disk may have a part, and every later
  /// one fails.
  power_disk(std::string root, std::uint64_t seed, std::int64_t changes);
  power_disk(const power_disk&) = delete;
  power_disk& operator=(const power_disk&) = delete;
  ~power_disk();

  [[nodiscard]] bool has_power() const noexcept { return left_ > 0; }
  /// Cuts it now.
  void cut() noexcept { left_ = 0; }
  /// From now on every sync of the file of that name is said to have failed, and was done.
  void deny_sync(std::string path) { denied_ = std::move(path); }

  // What happens, told before it is done. False: it must not be done, the power is off (or the sync is denied). A sync
  // need not be done at all.
  [[nodiscard]] bool create(const std::string& path);
  [[nodiscard]] bool write(inode& file, std::int64_t offset, std::string_view bytes);
  [[nodiscard]] bool truncate(inode& file, std::int64_t size);
  [[nodiscard]] bool sync(inode& file);
  [[nodiscard]] bool sync_directory(const std::string& path);
  [[nodiscard]] bool rename(const std::string& from, const std::string& to);
  [[nodiscard]] bool remove(const std::string& path);
  [[nodiscard]] bool make_directory(const std::string& path);

  /// The file of that name, or nullptr.
  [[nodiscard]] inode_ptr find(const std::string& path) const;

  /// After the cut: makes the directory what a machine finds there that starts again. Once, with every file closed.
  void restart();

private:
  struct data_change;
  struct name_change;

  bool spend() noexcept;
  void note(name_change change);
  void apply(const name_change& change);
  void need_directory(const std::string& path);
  [[nodiscard]] std::string surviving(inode& file);
  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  std::string root_;
  std::mt19937_64 random_;
  std::int64_t left_;
  std::string denied_;
  std::map<std::string, inode_ptr> names_;   // as programs see them; a directory has no inode
  std::map<std::string, inode_ptr> durable_; // as the disk has them for certain
  std::vector<name_change> unsynced_;        // in the order in which they were made
};

/// The file back-end's system calls on such a disk.
class power_calls final : public storage::files::system_calls {
public:
  explicit power_calls(power_disk& disk) : disk_{disk} {}

  int open(const char* path, int flags) override;
  void close(int descriptor) noexcept override;
  ssize_t write(int descriptor, const char* bytes, std::size_t count) override;
  int fsync(int descriptor) override;
  int rename(const char* from, const char* to) override;
  int unlink(const char* path) override;
  int mkdir(const char* path) override;

private:
  struct opened {
    std::string path;
    power_disk::inode_ptr file; // none: a directory
    std::int64_t at = 0;
  };
  power_disk& disk_;
  std::map<int, opened> open_;
};

} // namespace troupe::test
