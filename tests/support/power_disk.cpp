#include "tests/support/power_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace fs = std::filesystem;

namespace troupe::test {
namespace {

constexpr std::size_t sector = 512;

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

std::string normal(const std::string& path) {
  auto plain = fs::path{path}.lexically_normal().string();
  while (plain.size() > 1 && plain.ends_with('/'))
    plain.pop_back();
  return plain;
}

void put_at(std::string& content, std::int64_t offset, std::string_view bytes) {
  const auto begin = static_cast<std::size_t>(offset);
  if (content.size() < begin + bytes.size())
    content.resize(begin + bytes.size(), '\0');
  content.replace(begin, bytes.size(), bytes);
}

} // namespace

struct power_disk::data_change {
  std::int64_t offset = 0; // or the new size
  std::string bytes;
  bool cuts = false; // a truncation
};

struct power_disk::inode {
  std::string safe;                  // what a sync has put on the disk
  std::vector<data_change> unsynced; // since then
};

struct power_disk::name_change {
  std::string gone;  // a name that is no more; empty: none
  std::string there; // a name that is there now; empty: none
  inode_ptr file;    // of `there`; none: a directory
};

power_disk::power_disk(std::string root, std::uint64_t seed, std::int64_t changes)
    : root_{normal(root)}, random_{seed}, left_{changes} {
  for (const auto& each : fs::recursive_directory_iterator{root_}) {
    const auto path = each.path().string();
    if (each.is_directory()) {
      names_[path] = nullptr;
    } else {
      auto in = std::ifstream{path, std::ios::binary};
      auto file = std::make_shared<inode>();
      file->safe.assign(std::istreambuf_iterator<char>{in}, {});
      names_[path] = std::move(file);
    }
  }
  durable_ = names_;
}

power_disk::~power_disk() = default;

bool power_disk::spend() noexcept {
  if (left_ > 0)
    --left_;
  return left_ > 0;
}

void power_disk::note(name_change change) {
  if (!change.gone.empty())
    names_.erase(change.gone);
  if (!change.there.empty())
    names_[change.there] = change.file;
  unsynced_.push_back(std::move(change));
}

bool power_disk::create(const std::string& path) {
  if (!has_power())
    return false;
  note({.gone = {}, .there = normal(path), .file = std::make_shared<inode>()});
  return spend();
}

bool power_disk::write(inode& file, std::int64_t offset, std::string_view bytes) {
  if (!has_power())
    return false;
  file.unsynced.push_back({offset, std::string{bytes}});
  return spend();
}

bool power_disk::truncate(inode& file, std::int64_t size) {
  if (!has_power())
    return false;
  file.unsynced.push_back({size, {}, true});
  return spend();
}

bool power_disk::sync(inode& file) {
  if (!spend())
    return false;
  for (const auto& each : file.unsynced)
    if (each.cuts)
      file.safe.resize(static_cast<std::size_t>(each.offset), '\0');
    else
      put_at(file.safe, each.offset, each.bytes);
  file.unsynced.clear();
  return denied_.empty() || find(denied_).get() != &file;
}

bool power_disk::sync_directory(const std::string& path) {
  if (!spend())
    return false;
  const auto directory = normal(path);
  auto others = std::vector<name_change>{};
  for (auto& each : unsynced_)
    if ((!each.there.empty() && directory_of(each.there) == directory)
        || (!each.gone.empty() && directory_of(each.gone) == directory))
      apply(each);
    else
      others.push_back(std::move(each));
  unsynced_ = std::move(others);
  return true;
}

bool power_disk::rename(const std::string& from, const std::string& to) {
  if (!has_power())
    return false;
  note({.gone = normal(from), .there = normal(to), .file = find(from)});
  return spend();
}

bool power_disk::remove(const std::string& path) {
  if (!has_power())
    return false;
  note({.gone = normal(path), .there = {}, .file = nullptr});
  return spend();
}

bool power_disk::make_directory(const std::string& path) {
  if (!has_power())
    return false;
  note({.gone = {}, .there = normal(path), .file = nullptr});
  return spend();
}

power_disk::inode_ptr power_disk::find(const std::string& path) const {
  const auto at = names_.find(normal(path));
  return at != names_.end() ? at->second : nullptr;
}

void power_disk::apply(const name_change& change) {
  if (!change.gone.empty())
    durable_.erase(change.gone);
  if (!change.there.empty()) {
    need_directory(directory_of(change.there));
    durable_[change.there] = change.file;
  }
}

/// A name on the disk has its directory there too, and that the one above it.
void power_disk::need_directory(const std::string& path) {
  for (auto each = path; each.size() > root_.size(); each = directory_of(each))
    durable_.try_emplace(each);
}

/// What the disk has of a file: each change since the last sync by a choice of its own.
std::string power_disk::surviving(inode& file) {
  auto content = file.safe;
  for (const auto& each : file.unsynced) {
    const auto fate = random_() % 3;
    if (fate == 0)
      continue; // lost
    if (each.cuts) {
      content.resize(static_cast<std::size_t>(each.offset), '\0');
      continue;
    }
    if (fate == 1) {
      put_at(content, each.offset, each.bytes);
      continue;
    }
    // Torn: sector by sector; the one where the power went may be torn within.
    const auto old_end = content.size();
    for (std::size_t at = 0; at < each.bytes.size(); at += sector) {
      auto piece = each.bytes.substr(at, sector);
      const auto offset = each.offset + static_cast<std::int64_t>(at);
      const auto how = random_() % 4;
      if (how == 0)
        continue;
      if (how == 1)
        piece.resize(1 + random_() % piece.size());
      if (how == 2 && static_cast<std::size_t>(offset) >= old_end)
        std::generate(piece.begin(), piece.end(), [&] { return static_cast<char>(random_() & 0xff); });
      put_at(content, offset, piece);
    }
  }
  return content;
}

void power_disk::restart() {
  cut();
  for (const auto& each : unsynced_)
    if (chance(50))
      apply(each);
  auto ignored = std::error_code{};
  for (const auto& each : fs::directory_iterator{root_})
    fs::remove_all(each.path(), ignored);
  for (const auto& [path, file] : durable_) // by name, so a directory is before what is in it
    if (!file)
      fs::create_directory(path);
  for (const auto& [path, file] : durable_)
    if (file && fs::exists(directory_of(path)))
      std::ofstream{path, std::ios::binary} << surviving(*file);
}

int power_calls::open(const char* path, int flags) {
  const auto makes = (flags & O_CREAT) != 0;
  if (makes && !disk_.create(path)) {
    errno = EIO;
    return -1;
  }
  const auto descriptor = system_calls::open(path, flags);
  if (descriptor >= 0)
    open_[descriptor] = {path, disk_.find(path), 0};
  return descriptor;
}

void power_calls::close(int descriptor) noexcept {
  open_.erase(descriptor);
  system_calls::close(descriptor);
}

ssize_t power_calls::write(int descriptor, const char* bytes, std::size_t count) {
  auto& to = open_.at(descriptor);
  if (!disk_.write(*to.file, to.at, {bytes, count})) {
    errno = EIO;
    return -1;
  }
  to.at += static_cast<std::int64_t>(count);
  return system_calls::write(descriptor, bytes, count);
}

int power_calls::fsync(int descriptor) {
  const auto& what = open_.at(descriptor);
  if (what.file ? disk_.sync(*what.file) : disk_.sync_directory(what.path))
    return 0;
  errno = EIO;
  return -1;
}

int power_calls::rename(const char* from, const char* to) {
  // The back-end tries a rename into a directory that may be missing: that changes nothing.
  if (!fs::exists(directory_of(to))) {
    errno = ENOENT;
    return -1;
  }
  if (disk_.rename(from, to))
    return system_calls::rename(from, to);
  errno = EIO;
  return -1;
}

int power_calls::unlink(const char* path) {
  if (!fs::exists(path)) {
    errno = ENOENT;
    return -1;
  }
  if (disk_.remove(path))
    return system_calls::unlink(path);
  errno = EIO;
  return -1;
}

int power_calls::mkdir(const char* path) {
  if (fs::exists(path)) {
    errno = EEXIST;
    return -1;
  }
  if (disk_.make_directory(path))
    return system_calls::mkdir(path);
  errno = EIO;
  return -1;
}

} // namespace troupe::test
