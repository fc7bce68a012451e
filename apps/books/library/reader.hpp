// The export of a person's library, read as it arrives: chunks of any size in, books and rejected rows out, each with
// the line on which its row began. Goodreads, LibraryThing, StoryGraph, calibre and plain tables; comma, semicolon and
// tab; UTF-8 and Latin-1; every line end. Memory is bounded whatever the file's size: a row, a beginning of 64 kB from
// which encoding and delimiter are told, and the set by which repeated books are recognised.
//
// A book is known by its ISBN-13, without one by its title and first author, as its cache keys are (DECISIONS C-03). An
// ISBN that is none costs the row its ISBN, not the row: the book can be found by its title.
#pragma once

#include "apps/books/library/encoding.hpp"
#include "apps/books/library/header.hpp"
#include "apps/books/library/lines.hpp"
#include "apps/books/library/rows.hpp"
#include "apps/books/library/seen.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::books::library {

/// A book of the library. Unknown is empty or 0. All texts are UTF-8 in one line.
struct entry {
  std::uint64_t line = 0;
  std::string title;                ///< as the file has it; may be empty where there is an ISBN
  std::size_t work_title_size = 0;  ///< of the title, without the series
  std::vector<std::string> authors; ///< "Frank Herbert", the first one first
  std::string isbn13;               ///< thirteen digits, check digit verified
  std::string isbn_note;            ///< why the ISBN that the file has could not be used
  std::string publisher;
  std::string language; ///< BCP 47
  int year = 0;         ///< of the work if the file says it, otherwise of the edition

  /// "Warbreaker" of "Warbreaker (Warbreaker, #1)"
  [[nodiscard]] std::string_view work_title() const { return std::string_view{title}.substr(0, work_title_size); }

  friend bool operator==(const entry&, const entry&) = default;
};

enum class cause : std::uint8_t {
  quoting,   ///< the row is not CSV
  columns,   ///< it has more columns than the header, or is the rest of a broken row
  too_long,  ///< a field or the row is over the limit
  encoding,  ///< a cell that is needed is not UTF-8 in a file that otherwise is
  nameless,  ///< neither a title nor a usable ISBN
  duplicate, ///< the book was on an earlier line
};
inline constexpr std::size_t cause_count = 6;

/// "quoting"
[[nodiscard]] std::string_view to_string(cause c) noexcept;

struct rejection {
  std::uint64_t line = 0;
  cause why = cause::nameless;
  std::string reason; ///< for people: what was expected, and what came

  friend bool operator==(const rejection&, const rejection&) = default;
};

/// Every row is accepted or rejected; blank lines and lines of delimiters alone are no rows.
struct tally {
  std::uint64_t rows = 0;
  std::uint64_t accepted = 0;
  std::array<std::uint64_t, cause_count> rejected{}; ///< by cause
  std::uint64_t with_isbn = 0;                       ///< of the accepted
  std::uint64_t with_isbn_note = 0;                  ///< of the accepted
  std::uint64_t not_compared = 0;                    ///< of the accepted: more books than can be remembered came before

  [[nodiscard]] std::uint64_t rejected_as(cause c) const { return rejected[static_cast<std::size_t>(c)]; }
};

struct reader_limits {
  row_limits row;
  std::size_t most_remembered = seen_books::most_kept;
};

class reader {
public:
  struct sinks {
    std::function<void(entry&&)> accepted;
    std::function<void(rejection&&)> rejected;
  };

  explicit reader(sinks to, reader_limits limits = {});
  reader(const reader&) = delete; // its parts call it
  reader& operator=(const reader&) = delete;

  /// The next part of the file. Fails with ec::bad_request when the file as a whole cannot be read: it is no text (or
  /// packed, a workbook, UTF-16), its first line is too long or names no column that tells a book. It then fails for
  /// ever, with the same error.
  [[nodiscard]] result<void> feed(std::string_view chunk);

  /// The end of the file. Fails as `feed`, and for an empty file.
  [[nodiscard]] result<void> finish();

  [[nodiscard]] const tally& counts() const noexcept { return counts_; }
  /// Known once the first line was read.
  [[nodiscard]] const std::optional<header>& layout() const noexcept { return header_; }
  /// ascii as long as nothing else has come.
  [[nodiscard]] encoding text_encoding() const noexcept { return encoding_; }

private:
  void begin(bool whole);
  void take_line(const line& l);
  void take_header(const line& l);
  void take_row(const row& r);
  [[nodiscard]] bool to_text(const row& r, slot s, std::string& out);
  [[nodiscard]] bool read_names(const row& r, entry& e);
  [[nodiscard]] bool read_several(const row& r, const std::string& cell, bool one, std::vector<std::string>& names);
  void read_isbn(const row& r, entry& e) const;
  [[nodiscard]] std::string language_of(std::string text);
  [[nodiscard]] std::uint64_t identity(const entry& e) const;
  void reject(std::uint64_t line, cause why, std::string reason);
  [[nodiscard]] result<void> standing() const;

  sinks to_;
  reader_limits limits_;
  std::string beginning_; // until enough has come to judge by
  bool begun_ = false;
  line_splitter lines_;
  char named_delimiter_ = '\0';
  std::optional<header> header_;
  std::unique_ptr<row_reader> rows_;
  encoding encoding_ = encoding::ascii;
  seen_books seen_;
  fields languages_;    // those met, with their codes
  std::string scratch_; // a cell
  entry entry_;         // of the row under way; the memory of both is used again, unless it was moved away
  tally counts_;
  std::optional<error> broken_;
};

} // namespace troupe::books::library
