#include "storage/sqlite/database.hpp"

#include "storage/in_turn.hpp"
#include "storage/sqlite/errors.hpp"
#include "storage/sqlite/statement_cache.hpp"
#include "storage/sqlite/values.hpp"

#include <climits>
#include <sqlite3.h>
#include <thread>

namespace troupe::storage::sqlite {
namespace {

using std::chrono::steady_clock;

struct closer {
  void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
};

/// Leaves a cached statement as it was before this execution, however that ends.
struct execution {
  sqlite3_stmt* prepared;
  explicit execution(sqlite3_stmt* s) noexcept : prepared{s} {}
  execution(const execution&) = delete;
  execution& operator=(const execution&) = delete;
  ~execution() {
    sqlite3_reset(prepared);
    sqlite3_clear_bindings(prepared);
  }
};

/// Sets a flag for as long as it lives.
struct permission {
  bool& flag;
  explicit permission(bool& f) noexcept : flag{f} { flag = true; }
  permission(const permission&) = delete;
  permission& operator=(const permission&) = delete;
  ~permission() { flag = false; }
};

// Takes the write lock now: a lock taken later could not be waited for once something was read.
constexpr auto begin_writing = "BEGIN IMMEDIATE";
constexpr auto begin_reading = "BEGIN";

/// Steps of SQLite's machine between two looks at the clock: some 20 us, of which the look takes 0.03.
constexpr int steps_between_looks = 1000;

/// A path that SQLite takes for nothing but a path: it would read "file:..." as a URI and ":memory:" as no file at all.
std::string plain_path(const std::string& path) {
  return path.starts_with('/') ? path : "./" + path;
}

} // namespace

struct database::connection {
  options settings;
  std::unique_ptr<sqlite3, closer> handle;
  std::unique_ptr<statement_cache> statements;
  std::int64_t commits = 0;
  int depth = 0;                      // 0: no transaction; above 1: savepoints
  std::optional<error> doomed;        // why the innermost transaction can only be rolled back
  bool own = false;                   // our own statements may do what callers' may not
  bool script = false;                // a migration may use PRAGMA (defer_foreign_keys), but not end its transaction
  steady_clock::time_point stop_at{}; // when the caller's statement has taken too long

  ~connection() {
    statements.reset(); // before the handle that they belong to
  }

  sqlite3* raw() const noexcept { return handle.get(); }
  auto failure(int code) const { return boost::outcome_v2::failure(statement_error(raw(), code, settings.path)); }

  /// Runs one of our own statements: transaction control, settings.
  int own_statement(const char* text) {
    const auto allowed = permission{own};
    return sqlite3_exec(raw(), text, nullptr, nullptr, nullptr);
  }

  /// Asks one of our own questions and leaves its first row in `answer`; SQLITE_ROW when there is one.
  int own_question(const char* text, std::vector<value>& answer) {
    const auto allowed = permission{own};
    sqlite3_stmt* asked = nullptr;
    auto code = sqlite3_prepare_v2(raw(), text, -1, &asked, nullptr);
    const auto owner = statement_ptr{asked};
    if (code == SQLITE_OK)
      code = sqlite3_step(asked);
    if (code == SQLITE_ROW)
      answer = read_row(asked);
    return code;
  }

  result<void> unusable(int code) const {
    return boost::outcome_v2::failure(opening_error(raw(), code, settings.path));
  }

  result<void> open();
  void harden();
  result<void> enter_wal();
  result<void> check();

  template <class OnRow>
  result<std::int64_t> execute(std::string_view text, const params& bound, OnRow&& on_row, bool reads_only = false);
  template <class OnRow>
  result<std::int64_t> step_through(std::string_view text, const params& bound, OnRow&& on_row, bool reads_only);
  result<std::vector<row>> rows_of(std::string_view text, const params& bound, bool reads_only);
  result<void> transaction(const char* beginning, const std::function<result<void>()>& work);

  static int authorize(void* self, int action, const char*, const char*, const char*, const char*) noexcept;
  static int out_of_time(void* self) noexcept;
  void give_time() noexcept { stop_at = steady_clock::now() + settings.statement_timeout; }
};

int database::connection::authorize(
  void* self, int action, const char*, const char*, const char*, const char*) noexcept {
  const auto& me = *static_cast<const connection*>(self);
  if (me.own)
    return SQLITE_OK;
  switch (action) {
  case SQLITE_TRANSACTION:
  case SQLITE_SAVEPOINT:
  case SQLITE_ATTACH: // VACUUM attaches too
  case SQLITE_DETACH:
    return SQLITE_DENY;
  case SQLITE_PRAGMA:
    return me.script ? SQLITE_OK : SQLITE_DENY;
  default:
    return SQLITE_OK;
  }
}

/// Called by SQLite again and again during a statement; not 0 stops it.
int database::connection::out_of_time(void* self) noexcept {
  const auto& me = *static_cast<const connection*>(self);
  return !me.own && !me.script && steady_clock::now() > me.stop_at ? 1 : 0;
}

result<void> database::connection::open() {
  if (settings.path.empty())
    return fail(ec::storage_unusable, "\"\": cannot be opened: expected the path of a database file");
  const auto access = settings.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* opened = nullptr;
  // NOMUTEX: one thread at a time is this class's contract, so SQLite need not lock as well.
  const auto code = sqlite3_open_v2(
    plain_path(settings.path).c_str(), &opened, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle.reset(opened);
  if (code != SQLITE_OK)
    return unusable(code);
  statements = std::make_unique<statement_cache>(opened, settings.cached_statements);
  harden();
  if (auto done = settings.read_only ? result<void>{ok()} : enter_wal(); !done)
    return done;
  for (const auto* pragma : {
         "PRAGMA foreign_keys = ON",
         // A page that contradicts itself is an error at once, not a wrong answer.
         "PRAGMA cell_size_check = ON",
         // Sorting needs no temporary files beside the database.
         "PRAGMA temp_store = MEMORY",
         // After a burst the WAL is cut back to this at the next checkpoint.
         "PRAGMA journal_size_limit = 67108864",
         settings.sync == durability::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
         settings.read_only ? "PRAGMA query_only = ON" : "PRAGMA query_only = OFF",
       })
    if (const auto set = own_statement(pragma); set != SQLITE_OK)
      return unusable(set);
  return check();
}

/// What a hostile or damaged file could otherwise make of us (https://www.sqlite.org/security.html).
void database::connection::harden() {
  const auto raw_handle = raw();
  sqlite3_busy_timeout(raw_handle, static_cast<int>(std::min<std::int64_t>(settings.busy_timeout.count(), INT_MAX)));
  for (const auto& [option, on] : {
         std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
         std::pair{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
         std::pair{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
         std::pair{SQLITE_DBCONFIG_DQS_DML, 0}, // "x" is a column or an error, never quietly the text 'x'
         std::pair{SQLITE_DBCONFIG_DQS_DDL, 0},
       })
    sqlite3_db_config(raw_handle, option, on, nullptr);
  sqlite3_set_authorizer(raw_handle, &connection::authorize, this);
  sqlite3_progress_handler(raw_handle, steps_between_looks, &connection::out_of_time, this);
  const auto count = [](void* self) noexcept {
    ++static_cast<connection*>(self)->commits;
    return 0;
  };
  sqlite3_commit_hook(raw_handle, count, this);
}

/// Turning WAL on takes the file for itself for a moment, and for that SQLite does not call its busy handler: when two
/// processes start on a fresh file at once, one of them has to try again.
result<void> database::connection::enter_wal() {
  const auto until = steady_clock::now() + settings.busy_timeout;
  auto code = own_statement("PRAGMA journal_mode = WAL");
  while ((code & 0xff) == SQLITE_BUSY && steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    code = own_statement("PRAGMA journal_mode = WAL");
  }
  if (code != SQLITE_OK)
    return unusable(code);
  // SQLite opens a file that it may not write for reading only, and says nothing.
  if (sqlite3_db_readonly(raw(), "main") == 1)
    return unusable(SQLITE_READONLY);
  auto mode = std::vector<value>{};
  if (const auto asked = own_question("PRAGMA journal_mode", mode); asked != SQLITE_ROW)
    return unusable(asked);
  if (mode.front() != value{std::string{"wal"}})
    return fail(ec::storage_unusable,
      settings.path
        + ": cannot be used: its file system has no shared memory for SQLite's WAL (a network file system?)");
  return ok();
}

/// Reads the schema (which finds a file that is not a database, or cut off) and, in a small file, every page.
result<void> database::connection::check() {
  auto answer = std::vector<value>{};
  auto code = own_question("SELECT (SELECT count(*) FROM sqlite_schema), page_count * page_size"
                           " FROM pragma_page_count, pragma_page_size",
    answer);
  if (code != SQLITE_ROW)
    return unusable(code);
  if (settings.read_only || std::get<std::int64_t>(answer.back()) > settings.check_up_to_bytes)
    return ok();
  code = own_question("PRAGMA quick_check(1)", answer);
  if (code != SQLITE_ROW)
    return unusable(code);
  return answer.front() == value{std::string{"ok"}} ? result<void>{ok()} : unusable(SQLITE_CORRUPT);
}

/// Runs one statement. `on_row(columns, values)` is called for each row and says whether it wants more. A failure dooms
/// the transaction that it happens in.
template <class OnRow>
result<std::int64_t> database::connection::execute(
  std::string_view text, const params& bound, OnRow&& on_row, bool reads_only) {
  if (doomed)
    return fail(doomed->code, "an earlier statement of this transaction failed: " + doomed->message);
  auto done = step_through(text, bound, std::forward<OnRow>(on_row), reads_only);
  if (!done && depth > 0)
    doomed = done.error();
  return done;
}

template <class OnRow>
result<std::int64_t> database::connection::step_through(
  std::string_view text, const params& bound, OnRow&& on_row, bool reads_only) {
  give_time(); // preparing reads the schema, which takes time as well
  const auto found = statements->prepare(text);
  if (found.code != SQLITE_OK)
    return failure(found.code);
  if (!found.single)
    return fail(ec::storage_failed, "expected exactly one statement");
  auto* prepared = found.statement;
  if (reads_only && sqlite3_stmt_readonly(prepared) == 0)
    return fail(ec::storage_failed, "expected a statement that only reads");
  const auto cleanup = execution{prepared};
  const auto wanted = static_cast<std::size_t>(sqlite3_bind_parameter_count(prepared));
  if (wanted != bound.size())
    return fail(
      ec::storage_failed, "expected " + std::to_string(wanted) + " parameters, got " + std::to_string(bound.size()));
  for (std::size_t i = 0; i < bound.size(); ++i)
    if (const auto code = bind_one(prepared, static_cast<int>(i) + 1, bound[i]); code != SQLITE_OK)
      return failure(code);

  const auto before = sqlite3_total_changes64(raw());
  auto columns = std::shared_ptr<std::vector<std::string>>{};
  auto more = true;
  auto code = sqlite3_step(prepared);
  while (code == SQLITE_ROW) {
    // After the first step: a statement that the schema has outgrown is prepared again there, with its new columns.
    if (!columns) {
      columns = std::make_shared<std::vector<std::string>>();
      for (int i = 0; i < sqlite3_column_count(prepared); ++i)
        columns->emplace_back(sqlite3_column_name(prepared, i));
    }
    more = more && on_row(columns, read_row(prepared));
    // What writes (INSERT ... RETURNING) is run to its end in any case, because only there it commits.
    if (!more && sqlite3_stmt_readonly(prepared) != 0)
      return 0;
    code = sqlite3_step(prepared);
  }
  if (code != SQLITE_DONE)
    return failure(code);
  // A statement that changes no rows (CREATE TABLE) leaves sqlite3_changes at the number of the one before it.
  return sqlite3_total_changes64(raw()) == before ? std::int64_t{0} : std::int64_t{sqlite3_changes64(raw())};
}

database::database(std::unique_ptr<connection> opened) noexcept : connection_{std::move(opened)} {}

database::~database() = default;

result<std::unique_ptr<database>> database::open(options settings) {
  auto opened = std::make_unique<connection>();
  opened->settings = std::move(settings);
  if (auto done = opened->open(); !done)
    return boost::outcome_v2::failure(done.error());
  return std::unique_ptr<database>{new database{std::move(opened)}};
}

result<std::optional<row>> database::first(std::string_view text, const params& bound) {
  auto found = std::optional<row>{};
  const auto take = [&](const auto& columns, std::vector<value> values) {
    found.emplace(columns, std::move(values));
    return false;
  };
  if (auto done = connection_->execute(text, bound, take); !done)
    return boost::outcome_v2::failure(done.error());
  return found;
}

result<std::vector<row>> database::connection::rows_of(std::string_view text, const params& bound, bool reads_only) {
  auto rows = std::vector<row>{};
  const auto take = [&](const auto& columns, std::vector<value> values) {
    rows.emplace_back(columns, std::move(values));
    return true;
  };
  if (auto done = execute(text, bound, take, reads_only); !done)
    return boost::outcome_v2::failure(done.error());
  return rows;
}

result<std::vector<row>> database::all(std::string_view text, const params& bound) {
  return connection_->rows_of(text, bound, false);
}

result<std::int64_t> database::run(std::string_view text, const params& bound) {
  return connection_->execute(text, bound, [](const auto&, const auto&) { return true; });
}

result<void> database::each(std::string_view text, const params& bound, const visitor& visit) {
  const auto hand_over = [&](const auto& columns, std::vector<value> values) {
    const auto more = visit(row{columns, std::move(values)});
    connection_->give_time();
    return more;
  };
  if (auto done = connection_->execute(text, bound, hand_over, true); !done)
    return boost::outcome_v2::failure(done.error());
  return ok();
}

result<std::vector<std::vector<row>>> database::read_batch(const std::vector<statement>& statements) {
  return in_turn(
    statements, [&](const auto& work) { return connection_->transaction(begin_reading, work); },
    [&](const statement& each) { return connection_->rows_of(each.text, each.bound, true); });
}

result<std::vector<std::int64_t>> database::batch(const std::vector<statement>& statements) {
  if (statements.empty())
    return std::vector<std::int64_t>{};
  return in_turn(
    statements, [&](const auto& work) { return exclusively(work); },
    [&](const statement& each) { return run(each.text, each.bound); });
}

std::string_view database::name() const noexcept {
  return connection_->settings.path;
}

std::string_view database::blob_type() const noexcept {
  return "BLOB";
}

result<void> database::connection::transaction(const char* beginning, const std::function<result<void>()>& work) {
  if (doomed)
    return fail(doomed->code, "an earlier statement of this transaction failed: " + doomed->message);
  const auto point = "point_" + std::to_string(depth);
  const auto outermost = depth == 0;
  if (const auto code = own_statement((outermost ? std::string{beginning} : "SAVEPOINT " + point).c_str());
      code != SQLITE_OK)
    return failure(code);
  ++depth;
  struct rollback {
    connection& c;
    const std::string& point;
    bool committed = false;
    ~rollback() {
      --c.depth;
      if (committed)
        return;
      const auto open = sqlite3_get_autocommit(c.raw()) == 0; // some errors end the transaction by themselves
      if (open)
        c.own_statement((c.depth == 0 ? "ROLLBACK" : "ROLLBACK TO " + point + "; RELEASE " + point).c_str());
      // Those take the whole transaction along, not this savepoint alone.
      if (open || c.depth == 0)
        c.doomed.reset();
      else if (!c.doomed)
        c.doomed = error{ec::storage_failed, c.settings.path + ": the transaction was rolled back"};
    }
  };
  auto undo = rollback{*this, point};
  if (auto done = work(); !done)
    return done;
  if (doomed)
    return boost::outcome_v2::failure(*doomed);
  if (const auto code = own_statement((outermost ? "COMMIT" : "RELEASE " + point).c_str()); code != SQLITE_OK)
    return failure(code);
  undo.committed = true;
  return ok();
}

result<void> database::exclusively(const std::function<result<void>()>& work) {
  return connection_->transaction(begin_writing, work);
}

result<void> database::script(const std::string& text) {
  auto& c = *connection_;
  const auto allowed = permission{c.script};
  if (const auto code = sqlite3_exec(c.raw(), text.c_str(), nullptr, nullptr, nullptr); code != SQLITE_OK) {
    auto failed = statement_error(c.raw(), code, c.settings.path);
    if (c.depth > 0)
      c.doomed = failed;
    return boost::outcome_v2::failure(std::move(failed));
  }
  return ok();
}

std::int64_t database::commits() const noexcept {
  return connection_->commits;
}

std::size_t database::cached_statements() const noexcept {
  return connection_->statements->size();
}

} // namespace troupe::storage::sqlite
