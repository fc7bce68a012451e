#include "storage/backup.hpp"

#include "storage/archive.hpp"
#include "storage/digest.hpp"
#include "storage/directory.hpp"
#include "storage/files/file.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/snapshot.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>
#include <unistd.h>

namespace troupe::storage {
namespace {

namespace fs = std::filesystem;

// The first file of a backup says what it is, and of which form, so that a later program can read an older one.
constexpr auto head_name = "troupe-backup";
constexpr auto head_text = std::string_view{"troupe backup 1\n"};
constexpr auto sums_name = "SHA256SUMS";

// Where backup and restore work, inside the data directory (so on its file system). A backup leaves out what it finds
// there of another that was cut off.
constexpr auto work_prefix = std::string_view{".backup-"};

auto failed(const std::string& path, const std::string& why) {
  return fail(ec::storage_failed, path + ": " + why);
}

std::string text_of(int number) {
  return std::error_code{number, std::system_category()}.message();
}

files::system_calls& calls() {
  return files::system_calls::real();
}

/// Removes a file or directory, unless it was kept.
struct leftover {
  std::string path;
  bool kept = false;
  explicit leftover(std::string p) : path{std::move(p)} {}
  leftover(const leftover&) = delete;
  leftover& operator=(const leftover&) = delete;
  ~leftover() {
    auto ignored = std::error_code{};
    if (!kept)
      fs::remove_all(path, ignored);
  }
};

/// The files of a data directory, by what they are; paths relative to it.
struct inventory {
  std::vector<std::string> databases;
  std::vector<std::string> buckets;
  std::vector<std::string> others;
};

bool belongs_to_a_database(const fs::path& path) {
  const auto name = path.string();
  for (const auto* ending : {"-wal", "-shm", "-journal"})
    if (name.ends_with(ending) && sqlite::is_database(name.substr(0, name.rfind('-'))))
      return true;
  return false;
}

result<inventory> look_through(const std::string& directory) {
  auto found = inventory{};
  auto trouble = std::error_code{};
  auto at = fs::recursive_directory_iterator{directory, trouble};
  for (; !trouble && at != fs::recursive_directory_iterator{}; at.increment(trouble)) {
    const auto name = at->path().lexically_relative(directory).string();
    if (at->is_directory(trouble) && !at->is_symlink(trouble)) {
      const auto bucket = fs::exists(at->path() / "index.db") && fs::exists(at->path() / "bodies");
      if (bucket)
        found.buckets.push_back(name);
      if (bucket || at->path().filename().string().starts_with(work_prefix))
        at.disable_recursion_pending();
    } else if (at->is_regular_file(trouble) && !belongs_to_a_database(at->path()) && name != node_lock_name) {
      if (name.find_first_of("\n\\") != std::string::npos)
        return failed(directory, "a file's name holds a line break or a backslash");
      (sqlite::is_database(at->path().string()) ? found.databases : found.others).push_back(name);
    }
  }
  if (trouble)
    return failed(directory, "cannot be listed: " + trouble.message());
  for (auto* each : {&found.databases, &found.buckets, &found.others})
    std::sort(each->begin(), each->end());
  return found;
}

/// A backup that is being written.
class writing {
public:
  writing(std::string directory, std::string work, archive_writer& to)
      : directory_{std::move(directory)}, work_{std::move(work)}, to_{to}, sums_{work_ + "/" + sums_name,
                                                                             std::ios::binary} {}

  result<void> add(const std::string& name, result<std::string> sum) {
    if (!sum)
      return sum.as_failure();
    sums_ << sum.value() << "  " << name << '\n';
    return ok();
  }

  result<void> add_database(const std::string& name) {
    const auto copy = leftover{work_ + "/database"};
    if (auto done = sqlite::snapshot(directory_ + "/" + name, copy.path); !done)
      return done;
    ++summary_.databases;
    return add(name, to_.add_file(name, copy.path));
  }

  result<void> add_bucket(const std::string& name);

  result<void> add_other(const std::string& name) {
    ++summary_.other_files;
    return add(name, to_.add_file(name, directory_ + "/" + name));
  }

  result<backup_summary> finish() {
    sums_.close();
    if (!sums_)
      return failed(work_ + "/" + sums_name, "cannot be written");
    if (auto done = to_.add_file(sums_name, work_ + "/" + sums_name); !done)
      return done.as_failure();
    if (auto done = to_.finish(); !done)
      return done.as_failure();
    return summary_;
  }

private:
  result<void> link_bodies(sql& index, const std::string& bucket);

  std::string directory_;
  std::string work_;
  archive_writer& to_;
  std::ofstream sums_;
  backup_summary summary_;
};

/// Gives every body that the index names a second name, under which it stays when it is replaced. Bodies never change,
/// so this is all that a copy of one moment takes. One that is missing is found so later.
result<void> writing::link_bodies(sql& index, const std::string& bucket) {
  auto trouble = 0;
  auto done = index.each("SELECT body FROM objects", {}, [&](const row& each) {
    const auto* body = each.get<std::string>("body");
    if (body == nullptr || body->size() < 2 || body->find('/') != std::string::npos)
      return true;
    const auto settled = bucket + "/bodies/" + body->substr(0, 2) + "/" + *body;
    // It may be renamed from one to the other in between, never back.
    for (const auto& from : {settled, bucket + "/incoming/" + *body, settled})
      if (::link(from.c_str(), (work_ + "/bodies/" + *body).c_str()) == 0 || errno == EEXIST)
        return true;
      else if (errno != ENOENT)
        trouble = errno;
    return trouble == 0;
  });
  if (done && trouble != 0)
    return failed(bucket, "a body cannot be linked: " + text_of(trouble));
  return done;
}

result<void> writing::add_bucket(const std::string& name) {
  const auto bucket = directory_ + "/" + name;
  const auto copy = leftover{work_ + "/index.db"};
  const auto bodies = leftover{work_ + "/bodies"};
  if (auto made = files::make_directory(calls(), bodies.path); !made)
    return made.as_failure();
  // Most links while writers go on; what came since then while they wait.
  {
    auto index = sqlite::database::open({.path = bucket + "/index.db", .read_only = true});
    if (!index)
      return index.as_failure();
    if (auto done = link_bodies(*index.value(), bucket); !done)
      return done;
  }
  const auto link_the_rest = [&](sql& index) { return link_bodies(index, bucket); };
  if (auto done = sqlite::snapshot(bucket + "/index.db", copy.path, link_the_rest); !done)
    return done;
  if (auto done = add(name + "/index.db", to_.add_file(name + "/index.db", copy.path)); !done)
    return done;
  auto index = sqlite::database::open({.path = copy.path, .read_only = true});
  if (!index)
    return index.as_failure();
  auto went = result<void>{ok()};
  const auto add_body = [&](const row& each) {
    ++summary_.objects;
    const auto* body = each.get<std::string>("body");
    const auto* sha256 = each.get<std::string>("sha256");
    const auto* key = each.get<blob>("key");
    const auto object = bucket + ": object " + (key != nullptr ? std::string{key->view()} : "") + ": ";
    const auto path = work_ + "/bodies/" + (body != nullptr ? *body : "");
    if (body == nullptr || body->size() < 2 || !fs::is_regular_file(path)) {
      summary_.damaged.push_back(object + "the file with its bytes is missing");
      return true;
    }
    const auto stored = name + "/bodies/" + body->substr(0, 2) + "/" + *body;
    const auto sum = to_.add_file(stored, path);
    if (sum && (sha256 == nullptr || sum.value() != *sha256))
      summary_.damaged.push_back(object + "its bytes do not have their checksum");
    went = add(stored, sum);
    return went.has_value();
  };
  if (auto done = index.value()->each("SELECT body, key, sha256 FROM objects ORDER BY bucket, key", {}, add_body);
      !done)
    return done;
  return went;
}

/// A backup that is being read into a directory of its own.
class reading {
public:
  reading(std::string file, std::string work) : file_{std::move(file)}, work_{std::move(work)} {}

  result<std::int64_t> run();

private:
  auto broken(const std::string& why) const { return fail(ec::storage_failed, file_ + ": " + why); }
  result<void> take(archive_reader& from, const std::string& name);
  result<void> compare();

  std::string file_;
  std::string work_;
  std::map<std::string, std::string> sums_; // what was read
};

bool is_safe_name(const std::string& name) {
  const auto path = fs::path{name};
  return !name.empty() && path.is_relative() && name.find('\n') == std::string::npos
         && std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".." || part == "."; });
}

result<std::int64_t> reading::run() {
  auto from = archive_reader::open(file_);
  if (!from)
    return from.as_failure();
  auto complete = false;
  for (auto first = true;; first = false) {
    auto entry = from.value()->next();
    if (!entry)
      return entry.as_failure();
    if (!entry.value())
      break;
    const auto& [name, regular] = *entry.value();
    if (first && name != head_name)
      return broken("is not a backup of Troupe");
    if (!regular || !is_safe_name(name) || complete || sums_.contains(name))
      return broken("is not a backup that Troupe wrote: " + name + " does not belong there");
    if (auto done = take(*from.value(), name); !done)
      return done.as_failure();
    if (first && sums_[name] != to_hex(as_text(sha256(head_text))))
      return broken("is a backup of a newer Troupe");
    complete = name == sums_name;
  }
  if (!complete)
    return broken("is not whole: its list of checksums is missing");
  if (auto done = compare(); !done)
    return done.as_failure();
  return static_cast<std::int64_t>(sums_.size()) - 2;
}

result<void> reading::take(archive_reader& from, const std::string& name) {
  const auto path = work_ + "/" + name;
  auto trouble = std::error_code{};
  fs::create_directories(fs::path{path}.parent_path(), trouble);
  if (trouble)
    return failed(path, "cannot be made: " + trouble.message());
  auto to = files::create(calls(), path);
  if (!to)
    return to.as_failure();
  auto hash = sha256_hash{};
  auto buffer = std::vector<char>(256 << 10);
  for (;;) {
    auto count = from.read(buffer);
    if (!count)
      return count.as_failure();
    if (count.value() == 0)
      break;
    const auto bytes = std::string_view{buffer.data(), count.value()};
    hash.update(bytes);
    if (auto done = files::write_all(to.value(), path, bytes); !done)
      return done;
  }
  const auto sum = hash.finish();
  sums_[name] = to_hex(as_text(sum));
  return ok();
}

/// What was read must be what the list says, no more and no less.
result<void> reading::compare() {
  auto listed = std::size_t{0};
  auto list = std::ifstream{work_ + "/" + sums_name, std::ios::binary};
  for (auto line = std::string{}; std::getline(list, line); ++listed) {
    const auto name = line.size() > 66 ? line.substr(66) : "";
    const auto found = sums_.find(name);
    if (found == sums_.end())
      return broken("is damaged: " + (name.empty() ? "its list of checksums" : name + " is missing"));
    if (found->second != line.substr(0, 64))
      return broken("is damaged: " + name + " does not have its checksum");
  }
  return listed + 1 == sums_.size() ? result<void>{ok()} : broken("is damaged: it holds files that it does not list");
}

result<void> sync_all(const std::string& path) {
  const auto opened = files::file{calls(), ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  // The whole file system at once: quicker than each of many small files.
  return opened && ::syncfs(opened.descriptor()) == 0 ? result<void>{ok()}
                                                      : failed(path, "cannot be synced: " + text_of(errno));
}

} // namespace

result<backup_summary> backup(const std::string& data_dir, const std::string& file) {
  auto trouble = std::error_code{};
  const auto root = fs::canonical(data_dir, trouble).string();
  if (trouble || !fs::is_directory(root))
    return failed(data_dir, "is not a data directory");
  const auto target = fs::weakly_canonical(fs::absolute(file, trouble), trouble);
  if (fs::exists(target, trouble))
    return fail(ec::bad_request, file + ": exists already; a backup is a new file");
  if (target.string().starts_with(root + "/"))
    return fail(ec::bad_request, file + ": is inside the data directory " + data_dir);

  auto partial = leftover{target.string() + ".partial-" + random_name(4)};
  auto to = files::create(calls(), partial.path);
  if (!to)
    return to.as_failure();
  const auto work = leftover{root + "/" + std::string{work_prefix} + random_name(8)};
  if (auto made = files::make_directory(calls(), work.path); !made)
    return made.as_failure();
  auto packed = archive_writer::open(to.value().descriptor(), file);
  if (!packed)
    return packed.as_failure();
  auto found = look_through(root);
  if (!found)
    return found.as_failure();
  auto under_way = writing{root, work.path, *packed.value()};
  if (auto done = under_way.add(head_name, packed.value()->add_text(head_name, head_text)); !done)
    return done.as_failure();
  for (const auto& each : found.value().databases)
    if (auto done = under_way.add_database(each); !done)
      return done.as_failure();
  for (const auto& each : found.value().buckets)
    if (auto done = under_way.add_bucket(each); !done)
      return done.as_failure();
  for (const auto& each : found.value().others)
    if (auto done = under_way.add_other(each); !done)
      return done.as_failure();
  auto summary = under_way.finish();
  if (!summary)
    return summary;
  if (auto done = files::sync(to.value(), file); !done)
    return done.as_failure();
  // Not a rename: it would replace what somebody else has put there meanwhile.
  if (::link(partial.path.c_str(), target.c_str()) != 0)
    return failed(file, "cannot be made: " + text_of(errno));
  if (auto done = files::remove_file(calls(), partial.path); !done)
    return done.as_failure();
  if (auto done = files::sync_directory(calls(), target.parent_path().string()); !done)
    return done.as_failure();
  return summary;
}

result<std::int64_t> restore(const std::string& file, const std::string& data_dir) {
  auto trouble = std::error_code{};
  if (fs::exists(data_dir, trouble) && !fs::is_empty(data_dir, trouble) && !trouble)
    return fail(ec::bad_request, data_dir + ": is not empty: a backup is restored into an empty directory");
  if (auto done = prepare_directory(data_dir); !done)
    return done.as_failure();
  const auto work = leftover{data_dir + "/" + std::string{work_prefix} + random_name(8)};
  if (auto made = files::make_directory(calls(), work.path); !made)
    return made.as_failure();
  auto count = reading{file, work.path}.run();
  if (!count)
    return count;
  for (const auto* each : {head_name, sums_name})
    if (auto done = files::remove_file(calls(), work.path + "/" + each); !done)
      return done.as_failure();
  if (auto done = sync_all(work.path); !done)
    return done.as_failure();
  auto restored = std::vector<fs::path>{};
  for (const auto& each : fs::directory_iterator{work.path, trouble})
    restored.push_back(each.path());
  for (const auto& each : restored)
    if (auto done = files::move_file(calls(), each.string(), data_dir + "/" + each.filename().string()); !done)
      return done.as_failure();
  if (auto done = sync_all(data_dir); !done)
    return done.as_failure();
  return count;
}

} // namespace troupe::storage
