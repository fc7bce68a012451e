// Rows out of lines, over libcsv (RFC 4180) in its strict mode: that is what notices a quote that was never closed.
// What breaks there is mended if one line alone can be read in only one way, and otherwise costs that line, not the
// rest of the file: reading goes on with the line after it.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <csv.h>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::books::library {

/// What bounds memory. A review, the longest field of the known exports, has at most 20,000 characters.
struct row_limits {
  std::size_t field = std::size_t{256} << 10; ///< bytes
  std::size_t row = std::size_t{1} << 20;     ///< bytes, without line ends
};

/// The fields of a single line, quotes read leniently: what a header is read with.
[[nodiscard]] std::vector<std::string> split_line(std::string_view line, char delimiter);

/// The columns that are wanted of a row, in slots; the others are not kept. Good during the call that hands it out.
class row {
public:
  row(std::uint64_t line, const std::vector<std::string_view>& cells) : line_{line}, cells_{&cells} {}

  /// Where it began, from 1.
  [[nodiscard]] std::uint64_t line() const noexcept { return line_; }
  /// Empty where the file has no such column, or the row ends before it.
  [[nodiscard]] std::string_view operator[](std::size_t slot) const noexcept {
    return slot < cells_->size() ? (*cells_)[slot] : std::string_view{};
  }

private:
  std::uint64_t line_;
  const std::vector<std::string_view>* cells_;
};

/// Why a row could not be read.
enum class row_fault : std::uint8_t {
  quoting,  ///< a stray quote, or one that is never closed
  columns,  ///< more than the header names, or fewer right after another fault
  too_long, ///< a field or a row
};

struct row_sinks {
  std::function<void(const row&)> row;
  std::function<void(std::uint64_t line, row_fault fault, std::string reason)> fault;
};

class row_reader {
public:
  /// `slots` says for each column of the header which slot it fills, -1 for none; a slot is filled by one column at
  /// most. `names` are the columns' names, for messages.
  row_reader(
    char delimiter, std::vector<int> slots, std::vector<std::string> names, row_limits limits, row_sinks sinks);
  ~row_reader();
  row_reader(const row_reader&) = delete;
  row_reader& operator=(const row_reader&) = delete;

  /// A line without its end.
  void feed(std::uint64_t number, std::string_view text);

  /// A line that was too long to be kept: ends what was under way.
  void feed_too_long(std::uint64_t number, std::size_t size);

  /// The end of the file.
  void finish();

private:
  struct cell {
    std::size_t begin = 0;
    std::size_t size = 0;
  };

  static void on_field(void* text, std::size_t size, void* self);
  static void on_row(int, void* self) { static_cast<row_reader*>(self)->complete_ = true; }

  void start_parser(unsigned char options);
  void forget_row();
  [[nodiscard]] int take_field(std::size_t size);
  [[nodiscard]] bool parse(std::string_view text);
  [[nodiscard]] bool parse_regular(std::string_view text);
  void step(std::uint64_t number, std::string_view text);
  void drain();
  void recover(std::string_view last, row_fault fault, std::string reason);
  [[nodiscard]] bool mend(const std::string& first);
  [[nodiscard]] bool reads_as_row(std::string_view text, unsigned char options, char quote);
  void deliver();
  void fail_row(row_fault fault, std::string reason);
  [[nodiscard]] std::string column_name(std::size_t column) const;

  csv_parser parser_{};
  char delimiter_;
  std::vector<int> slots_;
  std::vector<std::string> names_;
  row_limits limits_;
  row_sinks sinks_;

  // the row under way
  std::uint64_t begin_ = 0;
  std::deque<std::string> lines_; // of one that goes over several, all but the last
  std::size_t lines_size_ = 0;
  std::string text_;        // the wanted cells, one after the other; of a regular row those with doubled quotes
  std::vector<cell> cells_; // in `text_`, by slot
  std::vector<std::string_view> views_; // of regular rows; of the others made of `cells_` when they are whole
  std::size_t columns_ = 0;
  std::size_t filled_columns_ = 0; // up to the last that is not empty
  std::size_t long_column_ = 0;    // from 1; 0: none
  std::size_t long_size_ = 0;
  bool complete_ = false;

  std::deque<std::string> again_; // lines to be read again, after one was given up
  std::uint64_t again_from_ = 0;  // the first one's number
  bool out_of_step_ = false;      // since a fault no row had the right number of columns
};

} // namespace troupe::books::library
