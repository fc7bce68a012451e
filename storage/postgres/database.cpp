#include "storage/postgres/database.hpp"

#include "storage/in_turn.hpp"
#include "storage/postgres/backoff.hpp"
#include "storage/postgres/session.hpp"
#include "storage/postgres/text.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <random>
#include <utility>

namespace troupe::storage::postgres {
namespace {

using std::chrono::steady_clock;

/// The advisory lock of `exclusively`: "troupe" in ASCII, so that somebody who finds it in pg_locks can tell whose it
/// is.
constexpr auto take_lock = "SELECT pg_advisory_xact_lock(128034845061221)";

/// Statements of one READ COMMITTED transaction each see a moment of their own.
constexpr auto begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr auto begin = "BEGIN";

auto refused_control() {
  return fail(ec::storage_failed, "not authorized: transactions, settings, COPY and VACUUM belong to the store");
}

/// A text with what reading it found out.
struct checked {
  reading statement;
  std::vector<argument> arguments;
};

result<checked> check(std::string_view text, const params& bound) {
  if (text.find('\0') != std::string_view::npos)
    return fail(ec::storage_failed, "expected exactly one statement");
  auto found = checked{read(text), {}};
  if (found.statement.keywords.size() != 1)
    return fail(ec::storage_failed, "expected exactly one statement");
  if (controls_session(found.statement.keywords.front()))
    return refused_control();
  if (found.statement.places != bound.size())
    return fail(ec::storage_failed,
      "expected " + std::to_string(found.statement.places) + " parameters, got " + std::to_string(bound.size()));
  auto arguments = encode(bound);
  if (!arguments)
    return boost::outcome_v2::failure(arguments.error());
  found.arguments = std::move(arguments.value());
  return found;
}

/// What the server gave for a statement.
struct answered {
  reading statement;
  pqxx::result rows;
};

using columns_ptr = std::shared_ptr<const std::vector<std::string>>;

columns_ptr columns_of(const pqxx::result& answer) {
  auto columns = std::make_shared<std::vector<std::string>>();
  for (int i = 0; i < static_cast<int>(answer.columns()); ++i)
    columns->emplace_back(answer.column_name(i));
  return columns;
}

row row_of(const pqxx::result& answer, int index, const columns_ptr& columns) {
  auto values = std::vector<value>{};
  values.reserve(columns->size());
  const auto source = answer[index];
  for (int i = 0; i < static_cast<int>(columns->size()); ++i) {
    const auto field = source[i];
    values.push_back(field.is_null() ? value{} : decode(answer.column_type(i), {field.c_str(), field.size()}));
  }
  return {columns, std::move(values)};
}

} // namespace

struct database::connection {
  options settings;
  address server;
  std::unique_ptr<session> live;
  backoff waits;
  std::string why; // of the last failed attempt to connect
  std::int64_t connects = 0;
  int depth = 0;               // 0: no transaction; above 1: savepoints
  std::optional<error> doomed; // why the innermost transaction can only be rolled back
  std::minstd_rand jitter{std::random_device{}()};

  connection(options o, address a)
      : settings{std::move(o)}, server{std::move(a)}, waits{settings.shortest_wait, settings.longest_wait} {}

  result<void> connect();
  result<void> ready();
  result<pqxx::result> send(const checked& what);
  result<answered> answer(std::string_view text, const params& bound);
  result<pqxx::result> send_control(const std::string& text, bool only_read);
  result<pqxx::result> ended(failure failed, bool only_read);
  result<void> transaction(
    const char* beginning, const std::function<result<void>()>& work, const char* lock = nullptr);
  result<void> fetch(const checked& what, const visitor& visit);
};

result<void> database::connection::connect() {
  auto made = session::connect(server, settings.statement_timeout, settings.cached_statements);
  if (!made) {
    waits.failed(steady_clock::now(), static_cast<double>(jitter()) / static_cast<double>(std::minstd_rand::max()));
    why = made.error().message;
    return boost::outcome_v2::failure(made.error());
  }
  waits.succeeded();
  live = std::move(made.value());
  ++connects;
  return ok();
}

/// Makes sure that there is a connection, without ever waiting for a server that was away a moment ago.
result<void> database::connection::ready() {
  if (doomed)
    return fail(doomed->code, "an earlier statement of this transaction failed: " + doomed->message);
  if (live && live->alive())
    return ok();
  live.reset();
  if (depth > 0) {
    doomed = error{ec::storage_failed, server.shown + ": the connection was lost: nothing of the transaction remains"};
    return boost::outcome_v2::failure(*doomed);
  }
  const auto now = steady_clock::now();
  if (!waits.may_try(now))
    return fail(ec::storage_failed, fmt::format("{} (tried again in {} ms)", why,
                                      std::chrono::ceil<std::chrono::milliseconds>(waits.left(now)).count()));
  return connect();
}

/// What a failed exchange means for the caller; notes what it means for the transaction.
result<pqxx::result> database::connection::ended(failure failed, bool only_read) {
  if (failed.lost) {
    live.reset();
    const auto* consequence = depth > 0   ? "nothing of the transaction remains"
                              : only_read ? "the server is gone"
                                          : "whether the statement was carried out is unknown";
    failed.what = {ec::storage_failed,
      server.shown + ": the connection was lost: " + consequence + " (" + failed.what.message + ")"};
  }
  if (depth > 0)
    doomed = failed.what;
  return boost::outcome_v2::failure(std::move(failed.what));
}

result<pqxx::result> database::connection::send(const checked& what) {
  const auto only_read = only_reads(what.statement);
  for (auto again = true;; again = false) {
    if (auto up = ready(); !up)
      return boost::outcome_v2::failure(up.error());
    auto done = live->run(what.statement.text, what.arguments);
    if (done)
      return std::move(done.value());
    auto& failed = done.error();
    if (again && depth == 0 && (failed.outgrown || (failed.lost && only_read))) {
      if (failed.lost)
        live.reset();
      continue;
    }
    return ended(std::move(failed), only_read);
  }
}

result<answered> database::connection::answer(std::string_view text, const params& bound) {
  auto what = check(text, bound);
  if (!what)
    return boost::outcome_v2::failure(what.error());
  auto rows = send(what.value());
  if (!rows)
    return boost::outcome_v2::failure(rows.error());
  return answered{std::move(what.value().statement), rows.value()}; // copies share the rows
}

/// @param only_read whether nothing can have been changed when its outcome is unknown.
result<pqxx::result> database::connection::send_control(const std::string& text, bool only_read) {
  auto done = live->script(text);
  return done ? result<pqxx::result>{std::move(done.value())} : ended(std::move(done.error()), only_read);
}

result<void> database::connection::transaction(
  const char* beginning, const std::function<result<void>()>& work, const char* lock) {
  if (auto up = ready(); !up)
    return up;
  const auto point = "point_" + std::to_string(depth);
  const auto outermost = depth == 0;
  if (auto begun = send_control(outermost ? std::string{beginning} : "SAVEPOINT " + point, true); !begun)
    return boost::outcome_v2::failure(begun.error());
  ++depth;
  struct rollback {
    connection& c;
    const std::string& point;
    bool committed = false;
    ~rollback() {
      --c.depth;
      if (committed)
        return;
      if (!c.live
          || !c.live->script(c.depth == 0 ? std::string{"ROLLBACK"} : "ROLLBACK TO " + point + "; RELEASE " + point))
        c.live.reset(); // the server rolls back what its client left
      if (c.live || c.depth == 0)
        c.doomed.reset();
    }
  };
  auto undo = rollback{*this, point};
  if (outermost && lock != nullptr)
    if (auto locked = send_control(lock, true); !locked)
      return boost::outcome_v2::failure(locked.error());
  if (auto done = work(); !done)
    return done;
  // PostgreSQL would answer COMMIT with a silent ROLLBACK.
  if (doomed)
    return boost::outcome_v2::failure(*doomed);
  auto ending = live->script(outermost ? std::string{"COMMIT"} : "RELEASE " + point);
  if (!ending) {
    auto failed = std::move(ending.error());
    if (failed.lost && outermost)
      failed.what.message = server.shown + ": the connection was lost while committing: whether the transaction was"
                            + " carried out is unknown (" + failed.what.message + ")";
    if (failed.lost)
      live.reset();
    return boost::outcome_v2::failure(std::move(failed.what));
  }
  undo.committed = true;
  return ok();
}

result<void> database::connection::fetch(const checked& what, const visitor& visit) {
  if (auto up = ready(); !up)
    return up;
  auto declared = live->run_once("DECLARE rows NO SCROLL CURSOR FOR " + what.statement.text, what.arguments);
  if (!declared)
    return boost::outcome_v2::failure(ended(std::move(declared.error()), true).error());
  const auto next = "FETCH " + std::to_string(std::max<std::size_t>(1, settings.rows_at_once)) + " FROM rows";
  auto columns = columns_ptr{};
  for (auto more = true; more;) {
    auto part = send_control(next, true);
    if (!part)
      return boost::outcome_v2::failure(part.error());
    const auto& answer = part.value();
    if (!columns)
      columns = columns_of(answer);
    more = !answer.empty();
    for (int i = 0; more && i < static_cast<int>(answer.size()); ++i)
      more = visit(row_of(answer, i, columns));
  }
  if (auto closed = send_control("CLOSE rows", true); !closed)
    return boost::outcome_v2::failure(closed.error());
  return ok();
}

database::database(std::unique_ptr<connection> opened) noexcept : connection_{std::move(opened)} {}

database::~database() = default;

result<std::unique_ptr<database>> database::open(options settings) {
  auto server = parse_address(settings.address, settings.connect_timeout, settings.password);
  if (!server)
    return boost::outcome_v2::failure(server.error());
  auto opened = std::make_unique<connection>(std::move(settings), std::move(server.value()));
  if (auto done = opened->connect(); !done)
    return boost::outcome_v2::failure(done.error());
  return std::unique_ptr<database>{new database{std::move(opened)}};
}

result<std::optional<row>> database::first(std::string_view text, const params& bound) {
  auto answer = connection_->answer(text, bound);
  if (!answer)
    return boost::outcome_v2::failure(answer.error());
  const auto& found = answer.value().rows;
  if (found.empty())
    return std::optional<row>{};
  return std::optional{row_of(found, 0, columns_of(found))};
}

result<std::vector<row>> database::all(std::string_view text, const params& bound) {
  auto answer = connection_->answer(text, bound);
  if (!answer)
    return boost::outcome_v2::failure(answer.error());
  const auto& found = answer.value().rows;
  auto rows = std::vector<row>{};
  rows.reserve(static_cast<std::size_t>(found.size()));
  const auto columns = columns_of(found);
  for (int i = 0; i < static_cast<int>(found.size()); ++i)
    rows.push_back(row_of(found, i, columns));
  return rows;
}

result<std::int64_t> database::run(std::string_view text, const params& bound) {
  auto answer = connection_->answer(text, bound);
  if (!answer)
    return boost::outcome_v2::failure(answer.error());
  return counts_changes(answer.value().statement) ? static_cast<std::int64_t>(answer.value().rows.affected_rows()) : 0;
}

result<void> database::each(std::string_view text, const params& bound, const visitor& visit) {
  auto what = check(text, bound);
  if (!what)
    return boost::outcome_v2::failure(what.error());
  if (!only_reads(what.value().statement))
    return fail(ec::storage_failed, "expected a statement that only reads");
  return connection_->transaction(begin, [&] { return connection_->fetch(what.value(), visit); });
}

result<std::vector<std::vector<row>>> database::read_batch(const std::vector<statement>& statements) {
  return in_turn(
    statements, [&](const auto& work) { return connection_->transaction(begin_snapshot, work); },
    [&](const statement& each) { return all(each.text, each.bound); });
}

result<std::vector<std::int64_t>> database::batch(const std::vector<statement>& statements) {
  if (statements.empty())
    return std::vector<std::int64_t>{};
  return in_turn(
    statements, [&](const auto& work) { return connection_->transaction(begin, work); },
    [&](const statement& each) { return run(each.text, each.bound); });
}

std::string_view database::name() const noexcept {
  return connection_->server.shown;
}

std::string_view database::blob_type() const noexcept {
  return "BYTEA";
}

result<void> database::exclusively(const std::function<result<void>()>& work) {
  return connection_->transaction(begin, work, take_lock);
}

result<void> database::script(const std::string& text) {
  for (const auto& keyword : read(text).keywords)
    if (controls_transaction(keyword))
      return refused_control();
  if (auto up = connection_->ready(); !up)
    return up;
  if (auto done = connection_->send_control(text, false); !done)
    return boost::outcome_v2::failure(done.error());
  return ok();
}

std::int64_t database::connects() const noexcept {
  return connection_->connects;
}

} // namespace troupe::storage::postgres
