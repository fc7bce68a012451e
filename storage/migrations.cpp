#include "storage/migrations.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::storage {
namespace {

struct applied {
  std::int64_t version = 0;
  std::string name;
  std::string checksum;
  std::int64_t applied_ms = 0;
};

auto broken_file(std::string_view name, const std::string& why) {
  return fail(ec::internal, "storage/migrations/" + std::string{name} + ": " + why);
}

/// Cuts the next line, without its line end, off `text`.
std::string_view next_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

/// Whether a part does anything: a line that is neither blank nor a comment.
bool has_statement(std::string_view part) {
  while (!part.empty()) {
    const auto line = next_line(part);
    const auto start = line.find_first_not_of(" \t");
    if (start != std::string_view::npos && !line.substr(start).starts_with("--"))
      return true;
  }
  return false;
}

result<migration> parse_one(const migration_file& file, std::int64_t expected_version) {
  auto stem = file.name;
  if (!stem.ends_with(".sql"))
    return broken_file(file.name, "expected a name such as 0001_books.sql");
  stem.remove_suffix(4);
  auto parsed = migration{};
  const auto [end, trouble] = std::from_chars(stem.data(), stem.data() + stem.size(), parsed.version);
  // Four digits, so that the files' order is their names' order.
  if (trouble != std::errc{} || end != stem.data() + 4 || stem.size() < 6 || stem[4] != '_')
    return broken_file(file.name, "expected a name such as 0001_books.sql");
  if (parsed.version != expected_version)
    return broken_file(file.name, "expected number " + std::to_string(expected_version) + " here");
  parsed.name = std::string{stem};

  std::string* part = nullptr;
  for (auto rest = file.text; !rest.empty();) {
    const auto line = next_line(rest);
    if (line == "-- up" && part == nullptr)
      part = &parsed.up;
    else if (line == "-- down" && part == &parsed.up)
      part = &parsed.down;
    else if (line == "-- up" || line == "-- down")
      return broken_file(file.name, "expected one line \"-- up\", then one line \"-- down\"");
    else if (part != nullptr)
      part->append(line).push_back('\n');
    else if (has_statement(line))
      return broken_file(file.name, "expected nothing but comments before \"-- up\"");
  }
  if (!has_statement(parsed.up) || !has_statement(parsed.down))
    return broken_file(file.name, "expected statements after \"-- up\" and after \"-- down\"");
  return parsed;
}

/// A part in the dialect of a database.
std::string in_dialect_of(const schema_sql& db, const std::string& part) {
  constexpr std::string_view place = "{blob}";
  auto text = part;
  for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at))
    text.replace(at, place.size(), db.blob_type());
  return text;
}

result<void> make_record(schema_sql& db) {
  if (auto made = db.run("CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY,"
                         " name TEXT NOT NULL, checksum TEXT NOT NULL, applied_ms BIGINT NOT NULL)");
      !made)
    return boost::outcome_v2::failure(made.error());
  return ok();
}

result<std::vector<applied>> read_applied(schema_sql& db) {
  auto rows = db.all("SELECT version, name, checksum, applied_ms FROM schema_migrations ORDER BY version");
  if (!rows)
    return boost::outcome_v2::failure(rows.error());
  auto list = std::vector<applied>{};
  for (const auto& each : rows.value()) {
    const auto* version = each.get<std::int64_t>("version");
    const auto* name = each.get<std::string>("name");
    const auto* checksum = each.get<std::string>("checksum");
    const auto* applied_ms = each.get<std::int64_t>("applied_ms");
    if (version == nullptr || name == nullptr || checksum == nullptr || applied_ms == nullptr)
      return fail(ec::storage_unusable, std::string{db.name()} + ": its table schema_migrations is not Troupe's");
    list.push_back({*version, *name, *checksum, *applied_ms});
  }
  return list;
}

/// Whether what was applied is what this program knows; its version (the number of migrations applied) if so.
result<std::int64_t> agree(const schema_sql& db, const std::vector<applied>& done, std::span<const migration> known) {
  const auto refuse = [&](const std::string& why) {
    return fail(ec::storage_unusable, std::string{db.name()} + ": " + why);
  };
  if (done.size() > known.size() || (!done.empty() && done.back().version > static_cast<std::int64_t>(known.size())))
    return refuse("is newer than this program: it has migration " + done.back().name + ", this program knows "
                  + (known.empty() ? "none" : "up to " + known.back().name) + ": use the newer program");
  for (std::size_t i = 0; i < done.size(); ++i) {
    if (done[i].version != known[i].version)
      return refuse("lacks migration " + known[i].name + " but has " + done[i].name + ": restore it from a snapshot");
    if (done[i].name != known[i].name || done[i].checksum != known[i].checksum())
      return refuse("migration " + known[i].name + " was edited after it was applied here (as " + done[i].name
                    + "): undo the edit and put the change into a new migration");
  }
  return static_cast<std::int64_t>(done.size());
}

/// Runs `steps(version)` in the one transaction that also reads and checks what was applied.
result<migrated> in_transaction(
  schema_sql& db, std::span<const migration> known, const std::function<result<std::int64_t>(std::int64_t)>& steps) {
  auto outcome = migrated{};
  auto done = db.exclusively([&]() -> result<void> {
    if (auto made = make_record(db); !made)
      return made;
    auto before = read_applied(db);
    if (!before)
      return boost::outcome_v2::failure(before.error());
    auto version = agree(db, before.value(), known);
    if (!version)
      return boost::outcome_v2::failure(version.error());
    auto after = steps(version.value());
    if (!after)
      return boost::outcome_v2::failure(after.error());
    outcome = {version.value(), after.value()};
    return ok();
  });
  if (!done)
    return boost::outcome_v2::failure(done.error());
  return outcome;
}

/// Runs one part of a migration and records it with `record`.
result<void> step(schema_sql& db, const migration& m, const std::string& part, const statement& record) {
  auto ran = db.script(in_dialect_of(db, part));
  if (!ran)
    return fail(ran.error().code, std::string{db.name()} + ": migration " + m.name + ": " + ran.error().message);
  if (auto recorded = db.run(record.text, record.bound); !recorded)
    return boost::outcome_v2::failure(recorded.error());
  return ok();
}

} // namespace

std::string migration::checksum() const {
  auto hash = std::uint64_t{0xcbf29ce484222325}; // FNV-1a's offset basis and prime
  for (const auto c : up) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  auto text = std::string(16, '0');
  for (auto i = text.rbegin(); i != text.rend(); ++i, hash >>= 4)
    *i = digits[hash & 0xf];
  return text;
}

result<std::vector<migration>> parse_migrations(std::span<const migration_file> files) {
  auto list = std::vector<migration>{};
  for (const auto& file : files) {
    auto parsed = parse_one(file, static_cast<std::int64_t>(list.size()) + 1);
    if (!parsed)
      return boost::outcome_v2::failure(parsed.error());
    list.push_back(std::move(parsed.value()));
  }
  return list;
}

result<std::vector<migration_state>> list_migrations(schema_sql& db, std::span<const migration> known) {
  // The lock keeps a migration of another process from being seen halfway; taking everything back keeps a database that
  // was never migrated as it is.
  auto list = std::vector<migration_state>{};
  auto looked = std::optional<error>{};
  auto done = db.exclusively([&]() -> result<void> {
    auto made = make_record(db);
    auto before = made ? read_applied(db) : result<std::vector<applied>>{boost::outcome_v2::failure(made.error())};
    auto version =
      before ? agree(db, before.value(), known) : result<std::int64_t>{boost::outcome_v2::failure(before.error())};
    if (!version) {
      looked = version.error();
      return boost::outcome_v2::failure(version.error());
    }
    for (std::size_t i = 0; i < known.size(); ++i)
      list.push_back({known[i].version, known[i].name, known[i].checksum(),
        i < before.value().size() ? std::optional{before.value()[i].applied_ms} : std::nullopt});
    return fail(ec::cancelled, "only looked");
  });
  if (looked)
    return boost::outcome_v2::failure(*looked);
  if (!done && done.error().code != ec::cancelled)
    return boost::outcome_v2::failure(done.error());
  return list;
}

result<std::string> pending_script(schema_sql& db, std::span<const migration> known) {
  auto states = list_migrations(db, known);
  if (!states)
    return boost::outcome_v2::failure(states.error());
  auto text = std::string{};
  for (std::size_t i = 0; i < known.size(); ++i)
    if (!states.value()[i].applied_ms)
      text += "-- " + known[i].name + " (" + known[i].checksum() + ")\n" + in_dialect_of(db, known[i].up);
  return text;
}

result<migrated> migrate_up(schema_sql& db, std::span<const migration> known, std::int64_t now_ms) {
  return in_transaction(db, known, [&](std::int64_t version) -> result<std::int64_t> {
    for (const auto& m : known.subspan(static_cast<std::size_t>(version))) {
      auto record = statement{"INSERT INTO schema_migrations (version, name, checksum, applied_ms) VALUES (?, ?, ?, ?)",
        {m.version, m.name, m.checksum(), now_ms}};
      if (auto done = step(db, m, m.up, record); !done)
        return boost::outcome_v2::failure(done.error());
      version = m.version;
    }
    return version;
  });
}

result<migrated> migrate_down(schema_sql& db, std::span<const migration> known, std::int64_t target) {
  if (target < 0)
    return fail(ec::bad_request, "target: expected 0 or a version, got " + std::to_string(target));
  return in_transaction(db, known, [&](std::int64_t version) -> result<std::int64_t> {
    for (; version > target; --version) {
      const auto& m = known[static_cast<std::size_t>(version - 1)];
      const auto record = statement{"DELETE FROM schema_migrations WHERE version = ?", {m.version}};
      if (auto done = step(db, m, m.down, record); !done)
        return boost::outcome_v2::failure(done.error());
    }
    return version;
  });
}

} // namespace troupe::storage
