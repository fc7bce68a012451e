// `troupe warm --dry-run`: what a node would make of the file, without a node.
#include "apps/books/library/reader.hpp"
#include "apps/troupe/commands.hpp"
#include "apps/troupe/process.hpp"
#include "apps/warmer/importer.hpp"
#include "apps/warmer/unpack.hpp"
#include "apps/warmer/watched_job.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace troupe {
namespace {

namespace library = books::library;
using library::cause;

constexpr std::size_t first_rejections = 20;
constexpr std::size_t piece = std::size_t{256} << 10;

struct findings {
  library::tally counts;
  std::string encoding;
  bool packed = false;
  std::vector<library::rejection> rejections; // without duplicates
  std::vector<library::rejection> duplicates;

  [[nodiscard]] std::uint64_t rejected() const {
    return counts.rows - counts.accepted - counts.rejected_as(cause::duplicate);
  }
};

result<findings> read(std::FILE* file, std::size_t most_shown) {
  findings out;
  library::reader reader{{[](library::entry&&) {},
    [&](library::rejection&& r) {
      auto& list = r.why == cause::duplicate ? out.duplicates : out.rejections;
      if (list.size() < most_shown)
        list.push_back(std::move(r));
    }}};
  unpacker unpack{import_ground{}.most.bytes}; // as a node has it
  const plain_sink sink = [&](std::string_view bytes) { return reader.feed(bytes); };
  const auto buffer = std::make_unique<std::array<char, piece>>();
  while (const auto n = std::fread(buffer->data(), 1, piece, file))
    if (auto fed = unpack.feed({buffer->data(), n}, sink); !fed)
      return fed.as_failure();
  if (std::ferror(file) != 0)
    return fail(ec::bad_request, std::strerror(errno));
  if (auto whole = unpack.finish(); !whole)
    return whole.as_failure();
  if (auto whole = reader.finish(); !whole)
    return whole.as_failure();
  out.counts = reader.counts();
  out.encoding = to_string(reader.text_encoding());
  out.packed = unpack.packed();
  return out;
}

void print_list(const std::vector<library::rejection>& list, std::uint64_t of) {
  for (const auto& r : list)
    std::printf("  line %llu: %s: %s\n", static_cast<unsigned long long>(r.line), std::string{to_string(r.why)}.c_str(),
      printable(r.reason).c_str());
  if (of > list.size())
    std::printf("  and %s more (--all shows them)\n", with_commas(static_cast<std::int64_t>(of - list.size())).c_str());
}

void print(const findings& f) {
  const auto line = [](const char* what, std::uint64_t n) {
    std::printf("%-11s %s\n", what, with_commas(static_cast<std::int64_t>(n)).c_str());
  };
  line("rows", f.counts.rows);
  line("accepted", f.counts.accepted);
  line("  with ISBN", f.counts.with_isbn);
  line("duplicates", f.counts.rejected_as(cause::duplicate));
  print_list(f.duplicates, f.counts.rejected_as(cause::duplicate));
  line("rejected", f.rejected());
  for (std::size_t i = 0; i < library::cause_count; ++i)
    if (const auto why = static_cast<cause>(i); why != cause::duplicate && f.counts.rejected_as(why) > 0)
      line(("  " + std::string{to_string(why)}).c_str(), f.counts.rejected_as(why));
  print_list(f.rejections, f.rejected());
  if (f.counts.with_isbn_note > 0)
    std::printf("%s of the accepted have an ISBN that is none, and are found by their titles\n",
      with_commas(static_cast<std::int64_t>(f.counts.with_isbn_note)).c_str());
}

void print_json(const findings& f) {
  using json = nlohmann::ordered_json;
  auto by_cause = json::object();
  for (std::size_t i = 0; i < library::cause_count; ++i)
    if (const auto why = static_cast<cause>(i); why != cause::duplicate)
      by_cause[std::string{to_string(why)}] = f.counts.rejected_as(why);
  auto listed = json::array();
  for (const auto* list : {&f.rejections, &f.duplicates})
    for (const auto& r : *list)
      listed.push_back({{"line", r.line}, {"cause", to_string(r.why)}, {"reason", r.reason}});
  const json out{{"rows", f.counts.rows}, {"accepted", f.counts.accepted}, {"with_isbn", f.counts.with_isbn},
    {"with_unusable_isbn", f.counts.with_isbn_note}, {"duplicates", f.counts.rejected_as(cause::duplicate)},
    {"rejected", f.rejected()}, {"rejected_by_cause", std::move(by_cause)}, {"encoding", f.encoding},
    {"gzip", f.packed}, {"rejections", std::move(listed)}};
  std::printf("%s\n", out.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
}

} // namespace

int run_dry_warm(const warm_options& options) {
  if (options.file.empty()) {
    complain("FILE: expected the export of a library");
    return exit_usage;
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(options.file.c_str(), "rb"), &std::fclose};
  if (!file) {
    complain(options.file + ": " + std::strerror(errno));
    return exit_usage;
  }
  const auto found = read(file.get(), options.all ? SIZE_MAX : first_rejections);
  if (!found) {
    complain(options.file + ": " + found.error().message);
    return 1;
  }
  options.json ? print_json(found.value()) : print(found.value());
  return 0;
}

} // namespace troupe
