#include "apps/replay/csv_rows.hpp"

#include "apps/replay/words.hpp"

#include <cerrno>
#include <cstring>
#include <csv.h>
#include <memory>
#include <zlib.h>

namespace troupe::replay {

namespace {

/// What libcsv's callbacks fill: they cannot fail, so the rows are judged outside of them.
struct collector {
  std::vector<std::string> fields;
  bool complete = false;
};

void on_field(void* text, std::size_t size, void* into) {
  static_cast<collector*>(into)->fields.emplace_back(static_cast<const char*>(text), size);
}

void on_row(int, void* into) {
  static_cast<collector*>(into)->complete = true;
}

/// The first line with its end, be it LF, CRLF or CR.
std::string_view first_line(std::string_view text) {
  const auto end = text.find_first_of("\r\n");
  if (end == std::string_view::npos)
    return text;
  return text.substr(0, end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
}

/// csv_parser::pstate between two rows (ROW_NOT_BEGUN, which libcsv keeps in its source).
constexpr int row_not_begun = 0;

error at_line(std::size_t line, const std::string& what) {
  return {ec::bad_request, "line " + std::to_string(line) + ": " + what};
}

} // namespace

result<void> each_csv_row(std::string_view text, const row_sink& row) {
  if (text.starts_with("\xEF\xBB\xBF"))
    text.remove_prefix(3);

  csv_parser parser;
  if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
    return fail(ec::internal, "libcsv could not be set up");
  const std::unique_ptr<csv_parser, decltype(&csv_free)> guard{&parser, &csv_free};

  collector got;
  std::size_t line = 1;      // of the text that is fed next
  std::size_t row_begin = 1; // where the row under way began
  auto deliver = [&]() -> result<void> {
    auto done = row(row_begin, got.fields);
    got.fields.clear();
    got.complete = false;
    return done;
  };

  // Line by line, because libcsv does not count them; so at most one row ends in each call.
  while (!text.empty()) {
    const auto piece = first_line(text);
    text.remove_prefix(piece.size());
    if (!is_utf8(piece))
      return at_line(line, "expected UTF-8 text");
    if (csv_parse(&parser, piece.data(), piece.size(), on_field, on_row, &got) != piece.size())
      return at_line(line, std::string{"not CSV: "} + csv_strerror(csv_error(&parser)) + " (a stray quote?)");
    ++line;
    if (got.complete)
      if (auto done = deliver(); !done)
        return done;
    if (parser.pstate == row_not_begun)
      row_begin = line;
  }
  if (csv_fini(&parser, on_field, on_row, &got) != 0)
    return at_line(row_begin, "not CSV: a quoted field without its closing quote");
  if (got.complete)
    return deliver();
  return ok();
}

result<std::string> read_unpacked(const std::string& path) {
  errno = 0;
  gzFile file = gzopen(path.c_str(), "rb"); // reads files that are not gzip as they are
  if (file == nullptr)
    return fail(ec::bad_request, path + ": cannot be opened: " + std::strerror(errno));
  gzbuffer(file, 1 << 17);
  std::string content;
  std::string buffer(1 << 17, '\0');
  int got = 0;
  while ((got = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0)
    content.append(buffer, 0, static_cast<std::size_t>(got));
  int code = 0;
  const std::string why = got < 0 ? gzerror(file, &code) : "";
  const int closed = gzclose_r(file); // Z_BUF_ERROR: the gzip stream ends too early
  if (got < 0)
    return fail(ec::bad_request, path + ": cannot be read: " + (code == Z_ERRNO ? std::strerror(errno) : why));
  if (closed != Z_OK)
    return fail(ec::bad_request, path + ": cannot be read: the gzip data ends too early");
  return content;
}

} // namespace troupe::replay
