#include "storage/files/store.hpp"

#include "storage/digest.hpp"
#include "storage/directory.hpp"
#include "storage/migrations.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace troupe::storage::files {
namespace {

/// A range costs at most this much reading beside it, and a checksum of 8 bytes covers it.
constexpr std::size_t block_bytes = 256 << 10;

/// The index is this back-end's own, so it has its own versions.
constexpr auto index_schema = std::array{migration_file{"0001_objects.sql", R"(-- up
CREATE TABLE objects (
  bucket      TEXT   NOT NULL,
  key         BLOB   NOT NULL,
  body        TEXT   NOT NULL,
  size        BIGINT NOT NULL,
  etag        TEXT   NOT NULL,
  sha256      TEXT   NOT NULL,
  modified_ms BIGINT NOT NULL,
  metadata    TEXT   NOT NULL,
  checks      BLOB   NOT NULL,
  PRIMARY KEY (bucket, key)
);
CREATE INDEX objects_body ON objects (body);
CREATE TABLE garbage (body TEXT NOT NULL PRIMARY KEY); -- bodies that no object has any more, until their files are gone
-- down
DROP TABLE garbage;
DROP TABLE objects;
)"}};

auto unusable(const std::string& directory, const std::string& why) {
  return fail(ec::storage_unusable, directory + ": cannot be used for objects: " + why);
}

/// Removes what a put has written, unless it became an object.
struct unless_kept {
  system_calls& calls;
  std::string path;
  bool kept = false;
  ~unless_kept() {
    if (!kept)
      static_cast<void>(remove_file(calls, path).has_value());
  }
};

} // namespace

store::store(options settings)
    : settings_{std::move(settings)}, calls_{settings_.calls != nullptr ? *settings_.calls : system_calls::real()} {}

store::~store() {
  if (lock_ >= 0)
    ::close(lock_);
}

std::string store::incoming(std::string_view body) const {
  return settings_.directory + "/incoming/" + std::string{body};
}

std::string store::settled(std::string_view body) const {
  return settings_.directory + "/bodies/" + std::string{body.substr(0, 2)} + "/" + std::string{body};
}

result<std::unique_ptr<store>> store::open(options settings) {
  auto opened = std::unique_ptr<store>{new store{std::move(settings)}};
  if (auto done = opened->prepare(); !done)
    return done.error().code == ec::storage_unusable
             ? result<std::unique_ptr<store>>{boost::outcome_v2::failure(done.error())}
             : unusable(opened->settings_.directory, done.error().message);
  return opened;
}

result<void> store::prepare() {
  const auto& directory = settings_.directory;
  if (auto done = prepare_directory(directory); !done)
    return done;
  lock_ = ::open((directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (lock_ < 0)
    return unusable(directory, "lock: " + std::error_code{errno, std::system_category()}.message());
  // Alone: nobody else has a body under way, so what is left over is nobody's.
  const auto alone = ::flock(lock_, LOCK_EX | LOCK_NB) == 0;
  auto fresh = false;
  for (const auto* name : {"/incoming", "/bodies"}) {
    auto made = make_directory(calls_, directory + name);
    if (!made)
      return boost::outcome_v2::failure(made.error());
    fresh = fresh || made.value();
  }
  auto index = sqlite::database::open({.path = directory + "/index.db", .sync = settings_.sync});
  if (!index)
    return boost::outcome_v2::failure(index.error());
  index_ = std::move(index.value());
  auto known = parse_migrations(index_schema);
  if (!known)
    return boost::outcome_v2::failure(known.error());
  if (auto done = migrate_up(*index_, known.value(), settings_.now_ms()); !done)
    return boost::outcome_v2::failure(done.error());
  catalogue_ = std::make_unique<object_catalogue>(*index_, "");
  if (alone)
    if (auto done = sweep(); !done)
      return done;
  // The names of what was just made must outlive a power cut before anything in them is acknowledged.
  if (fresh && settings_.sync == sqlite::durability::full)
    for (const auto& each : {directory, std::filesystem::absolute(directory + "/..").lexically_normal().string()})
      if (auto done = sync_directory(calls_, each); !done)
        return done;
  if (::flock(lock_, LOCK_SH) != 0)
    return unusable(directory, "lock: " + std::error_code{errno, std::system_category()}.message());
  return ok();
}

/// Finishes or takes back what a process that died had under way. A few files at most: not a scan of the bucket.
result<void> store::sweep() {
  auto trouble = std::error_code{};
  auto left = std::filesystem::directory_iterator{settings_.directory + "/incoming", trouble};
  for (; !trouble && left != std::filesystem::directory_iterator{}; left.increment(trouble)) {
    const auto body = left->path().filename().string();
    auto named = index_->first("SELECT 1 FROM objects WHERE body = ?", {body});
    if (!named)
      return boost::outcome_v2::failure(named.error());
    if (!named.value()) {
      if (auto done = remove_file(calls_, incoming(body)); !done)
        return done;
    } else {
      if (auto made = make_directory(calls_, settled(body).substr(0, settled(body).rfind('/'))); !made)
        return boost::outcome_v2::failure(made.error());
      if (auto done = move_file(calls_, incoming(body), settled(body)); !done)
        return done;
    }
  }
  if (trouble)
    return unusable(settings_.directory, "incoming: " + trouble.message());
  auto garbage = index_->all("SELECT body FROM garbage");
  if (!garbage)
    return boost::outcome_v2::failure(garbage.error());
  for (const auto& each : garbage.value())
    if (const auto* body = each.get<std::string>("body"); body != nullptr)
      if (auto done = discard(*body); !done)
        return done;
  return ok();
}

/// Removes a body's file, wherever it is; its row in `garbage` goes with the next transaction.
result<void> store::discard(const std::string& body) {
  for (const auto& path : {incoming(body), settled(body)})
    if (auto done = remove_file(calls_, path); !done)
      return done;
  gone_.push_back(body);
  return ok();
}

/// Changes the row of `key` in one transaction: `change` gets what is there (or nullptr) and says whether it replaced
/// it; the body that it had is garbage from then on. `in_doubt` is set when it failed and may have been done all the
/// same.
result<bool> store::replace(
  std::string_view key, const std::function<result<bool>(catalogued_object*)>& change, bool* in_doubt) {
  auto old = std::optional<catalogued_object>{};
  auto changed = false;
  const auto work = [&]() -> result<void> {
    auto found = catalogue_->find(key);
    // One whose row cannot be read can still be replaced; its file stays until somebody looks.
    if (found)
      old = std::move(found.value());
    auto done = change(old ? &*old : nullptr);
    if (!done)
      return boost::outcome_v2::failure(done.error());
    changed = done.value();
    if (changed && old)
      if (auto noted = index_->run("INSERT INTO garbage (body) VALUES (?)", {old->body}); !noted)
        return boost::outcome_v2::failure(noted.error());
    for (const auto& body : gone_)
      if (auto forgotten = index_->run("DELETE FROM garbage WHERE body = ?", {body}); !forgotten)
        return boost::outcome_v2::failure(forgotten.error());
    if (in_doubt != nullptr)
      *in_doubt = changed; // from here on only the commit can fail, which may be carried out and fail
    return ok();
  };
  if (auto done = index_->exclusively(work); !done)
    return boost::outcome_v2::failure(done.error());
  gone_.clear();
  // A file that cannot be removed now is garbage that the next opening removes; the change itself is done.
  if (changed && old)
    static_cast<void>(discard(old->body).has_value());
  return changed;
}

result<std::optional<object_info>> store::do_put(
  std::string_view key, const byte_source& source, const put_options& options) {
  const auto failed = [&](const error& e) {
    return boost::outcome_v2::failure(
      e.code == ec::storage_failed ? error{e.code, "object " + std::string{key} + ": " + e.message} : e);
  };
  const auto body = random_name(16);
  const auto path = incoming(body);
  auto file = create(calls_, path);
  if (!file)
    return failed(file.error());
  auto cleanup = unless_kept{calls_, path};
  auto written = write_blocks(source, block_bytes, options.sha256,
    [&](std::int64_t, std::string_view block) { return write_all(file.value(), path, block); });
  if (!written)
    return failed(written.error());
  if (settings_.sync == sqlite::durability::full) {
    if (auto done = sync(file.value(), path); !done)
      return failed(done.error());
    if (auto done = sync_directory(calls_, settings_.directory + "/incoming"); !done)
      return failed(done.error());
  }
  auto object = catalogued_object{};
  object.info = {std::string{key}, written.value().size, written.value().sha256.substr(0, 32), settings_.now_ms(),
    written.value().sha256, options.http, options.custom};
  std::sort(object.info.custom.begin(), object.info.custom.end());
  object.body = body;
  object.checks = std::move(written.value().checks);
  auto in_doubt = false;
  auto stored = replace(
    key, [&](catalogued_object*) { return catalogue_->put(object, options.only); }, &in_doubt);
  if (!stored) {
    cleanup.kept = in_doubt; // the next opening knows, and removes it or not
    return failed(stored.error());
  }
  if (!stored.value())
    return std::optional<object_info>{};
  cleanup.kept = true;
  // The object exists from here on. A rename that fails leaves it in incoming/, where readers look too.
  const auto home = settled(body);
  if (!move_file(calls_, path, home) && make_directory(calls_, home.substr(0, home.rfind('/'))))
    static_cast<void>(move_file(calls_, path, home).has_value());
  return std::optional{std::move(object.info)};
}

/// In a cold cache the next get shall find nothing rather than the same damage: a provider can give the bytes again.
void store::forget_damaged(std::string_view key, const std::string& body) {
  if (settings_.sync == sqlite::durability::normal)
    static_cast<void>(replace(key, [&](catalogued_object*) { return catalogue_->remove(key, body); }).has_value());
}

result<fetched> store::do_get(std::string_view key, const byte_sink& sink, const get_options& options) {
  // A body may be replaced between the row and the file; then there is a new row. Who loses that race many times over
  // is looking at a damaged bucket.
  auto body = std::string{};
  for (int tries = 0; tries < 8; ++tries) {
    auto found = catalogue_->find(key);
    if (!found)
      return boost::outcome_v2::failure(found.error());
    if (!found.value())
      return fetched{};
    auto& object = *found.value();
    if (!hold(options.only, object.info.etag))
      return fetched{fetch::unmatched, std::move(object.info)};
    auto wanted = extent_of(options.range, object.info.size);
    if (!wanted)
      return boost::outcome_v2::failure(wanted.error());
    auto path = settled(object.body);
    auto file = open_if_there(calls_, path);
    for (const auto& other : {incoming(object.body), settled(object.body)}) // it may have been renamed between
      if (file && !file.value())
        file = open_if_there(calls_, path = other);
    if (!file)
      return boost::outcome_v2::failure(damaged(key, file.error().message));
    if (!file.value()) {
      body = object.body;
      continue;
    }
    const auto load = [&](std::int64_t index, std::string& block) {
      return read_at(file.value(), path, index * static_cast<std::int64_t>(block_bytes), block_bytes, block);
    };
    auto done = read_blocks(object.info, object.checks, block_bytes, wanted.value(), load, sink);
    if (done)
      return fetched{done.value(), std::move(object.info)};
    forget_damaged(key, object.body);
    return boost::outcome_v2::failure(done.error());
  }
  forget_damaged(key, body);
  return boost::outcome_v2::failure(damaged(key, "the file with its bytes is missing"));
}

result<std::optional<object_info>> store::do_head(std::string_view key) {
  auto found = catalogue_->find(key);
  if (!found)
    return boost::outcome_v2::failure(found.error());
  return found.value() ? std::optional{std::move(found.value()->info)} : std::nullopt;
}

result<void> store::do_remove(std::string_view key) {
  auto done = replace(key, [&](catalogued_object* old) -> result<bool> {
    return old != nullptr ? catalogue_->remove(key, old->body) : result<bool>{false};
  });
  return done ? result<void>{ok()} : result<void>{boost::outcome_v2::failure(done.error())};
}

result<object_list> store::do_list(const list_options& options) {
  return catalogue_->list(options);
}

} // namespace troupe::storage::files
