// Objects in files: the embedded back-end of `objects`. One directory is one bucket:
//
//   index.db     SQLite: a row for each object with its metadata, checksums and the id of its body (object_catalogue)
//   bodies/ab/   the bodies, plain bytes, named by a random id (so any key is safe, whatever it holds)
//   incoming/    bodies that are being written
//   lock         held shared by every process that has the bucket open
//
// The index decides what exists. A put writes incoming/ID, makes it durable, commits the row and then renames the file
// into bodies/; a reader looks in both places. So whatever moment a process dies at, an object is old or new as a
// whole, with its metadata. What may be left over are files that no row names: those in incoming/ and those that the
// index lists as garbage (replaced bodies, noted in the transaction that replaced them). The next opening that has the
// bucket to itself removes them. A listing is a range of the index's primary key: it costs what it shows, and needs no
// directory read; that, and conditions that hold in one transaction, is why there is an index and not a tree of names.
#pragma once

#include "storage/files/file.hpp"
#include "storage/object_catalogue.hpp"
#include "storage/objects.hpp"
#include "storage/sqlite/database.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::storage::files {

struct options {
  /// Made when it is missing, for its owner alone.
  std::string directory;
  /// `full`: an acknowledged put survives a power cut (body, its directory entry and the row are synced before the
  /// answer): uploads. `normal`: nothing is synced, the last puts may be lost or damaged by a power cut, not by the end
  /// of the process: the cold cache. A damaged object in a `normal` bucket is removed by the get that found it.
  sqlite::durability sync = sqlite::durability::full;
  /// Unix time in milliseconds, for object_info::modified_ms.
  std::function<std::int64_t()> now_ms;
  /// For bodies and their directories; null: the operating system's. They outlive the store.
  system_calls* calls = nullptr;
};

class store final : public objects {
public:
  /// Fails with ec::storage_unusable and one line that names the directory.
  [[nodiscard]] static result<std::unique_ptr<store>> open(options settings);

  ~store() override;

private:
  result<std::optional<object_info>> do_put(
    std::string_view key, const byte_source& source, const put_options& options) override;

  /// Bytes are verified in blocks of 256 KiB before the sink has them: a flipped byte or a torn file is
  /// ec::storage_failed naming the object and the place, after a true beginning.
  result<fetched> do_get(std::string_view key, const byte_sink& sink, const get_options& options) override;
  result<std::optional<object_info>> do_head(std::string_view key) override;
  result<void> do_remove(std::string_view key) override;
  result<object_list> do_list(const list_options& options) override;

  explicit store(options settings);

  result<void> prepare();
  result<void> sweep();
  result<bool> replace(
    std::string_view key, const std::function<result<bool>(catalogued_object*)>& change, bool* in_doubt = nullptr);
  result<void> discard(const std::string& body);
  void forget_damaged(std::string_view key, const std::string& body);

  [[nodiscard]] std::string incoming(std::string_view body) const;
  [[nodiscard]] std::string settled(std::string_view body) const;

  options settings_;
  system_calls& calls_;
  int lock_ = -1;
  std::unique_ptr<sqlite::database> index_;
  std::unique_ptr<object_catalogue> catalogue_;
  std::vector<std::string> gone_; // garbage whose file is removed; its row goes with the next transaction
};

} // namespace troupe::storage::files
