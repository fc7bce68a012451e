#include "apps/books/library/rows.hpp"

#include "apps/books/library/regular_row.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::books::library {
namespace {

/// csv_parser::pstate between two rows (ROW_NOT_BEGUN, which libcsv keeps in its source).
constexpr int row_not_begun = 0;

constexpr unsigned char strict = CSV_STRICT | CSV_STRICT_FINI;
constexpr unsigned char lenient = CSV_STRICT_FINI; // a stray quote is a character, an open one still an error
constexpr char no_quote = '\0';                    // no text has it: that file would not be read at all

/// Of one row: a review of the greatest length with two characters a line. Lines are kept one by one, empty ones too.
constexpr std::size_t most_lines = 10'000;

constexpr std::string_view not_closed = "a quoted field without its closing quote";
constexpr std::string_view stray = "a quote within a field that is not doubled";

void collect(void* text, std::size_t size, void* into) {
  static_cast<std::vector<std::string>*>(into)->emplace_back(static_cast<const char*>(text), size);
}

} // namespace

std::vector<std::string> split_line(std::string_view line, char delimiter) {
  std::vector<std::string> fields;
  csv_parser parser;
  if (csv_init(&parser, 0) != 0)
    return fields;
  csv_set_delim(&parser, static_cast<unsigned char>(delimiter));
  csv_parse(&parser, line.data(), line.size(), collect, nullptr, &fields);
  csv_fini(&parser, collect, nullptr, &fields);
  csv_free(&parser);
  return fields;
}

row_reader::row_reader(
  char delimiter, std::vector<int> slots, std::vector<std::string> names, row_limits limits, row_sinks sinks)
    : delimiter_{delimiter}, slots_{std::move(slots)}, names_{std::move(names)}, limits_{limits}, sinks_{
                                                                                                    std::move(sinks)} {
  const auto most = std::max_element(slots_.begin(), slots_.end());
  cells_.resize(most == slots_.end() || *most < 0 ? 0 : static_cast<std::size_t>(*most) + 1);
  views_.resize(cells_.size());
  csv_init(&parser_, strict); // fails for a null pointer only
  csv_set_delim(&parser_, static_cast<unsigned char>(delimiter_));
}

row_reader::~row_reader() {
  csv_free(&parser_);
}

void row_reader::start_parser(unsigned char options) {
  csv_free(&parser_);
  csv_init(&parser_, options);
  csv_set_delim(&parser_, static_cast<unsigned char>(delimiter_));
}

void row_reader::on_field(void* text, std::size_t size, void* self) {
  auto& r = *static_cast<row_reader*>(self);
  if (const auto slot = r.take_field(size); slot >= 0) {
    r.cells_[static_cast<std::size_t>(slot)] = {r.text_.size(), size};
    r.text_.append(static_cast<const char*>(text), size);
  }
}

/// Counts a field. The slot that it fills, -1 when it is not kept.
int row_reader::take_field(std::size_t size) {
  const auto column = columns_++;
  if (size == 0)
    return -1;
  filled_columns_ = columns_;
  if (size > limits_.field) {
    if (long_column_ == 0) {
      long_column_ = columns_;
      long_size_ = size;
    }
    return -1;
  }
  return column < slots_.size() ? slots_[column] : -1;
}

void row_reader::forget_row() {
  if (!text_.empty())
    std::fill(cells_.begin(), cells_.end(), cell{});
  text_.clear();
  std::fill(views_.begin(), views_.end(), std::string_view{});
  columns_ = filled_columns_ = long_column_ = 0;
  complete_ = false;
}

bool row_reader::parse(std::string_view text) {
  return csv_parse(&parser_, text.data(), text.size(), on_field, on_row, this) == text.size();
}

/// Reads a row that is regular and whole in this line. The views are then ready.
bool row_reader::parse_regular(std::string_view text) {
  text_.reserve(text.size()); // views into it must stay
  const bool whole = each_regular_field(text, delimiter_, [this](std::string_view field, bool doubled) {
    const auto from = text_.size();
    if (doubled) {
      for (std::size_t i = 0; i < field.size(); i += field[i] == '"' ? 2 : 1)
        text_.push_back(field[i]);
      field = std::string_view{text_}.substr(from);
    }
    if (const auto slot = take_field(field.size()); slot >= 0)
      views_[static_cast<std::size_t>(slot)] = field;
  });
  if (!whole)
    forget_row();
  return whole;
}

void row_reader::feed(std::uint64_t number, std::string_view text) {
  step(number, text);
  drain();
}

void row_reader::feed_too_long(std::uint64_t number, std::size_t size) {
  finish();
  begin_ = number;
  out_of_step_ = true;
  fail_row(row_fault::too_long,
    "the line: expected at most " + std::to_string(limits_.row) + " bytes, got " + std::to_string(size));
}

void row_reader::finish() {
  // what is read again may end with an open quote in turn; but each time there is a line less
  while (!lines_.empty()) {
    recover({}, row_fault::quoting, std::string{not_closed});
    drain();
  }
}

void row_reader::drain() {
  while (!again_.empty()) {
    const auto text = std::move(again_.front());
    again_.pop_front();
    step(again_from_++, text);
  }
}

void row_reader::step(std::uint64_t number, std::string_view text) {
  if (lines_.empty()) {
    begin_ = number;
    if (parse_regular(text))
      return deliver();
  }
  if (!parse(text) || !parse("\n"))
    return recover(text, row_fault::quoting, std::string{stray});
  if (complete_) {
    lines_.clear();
    lines_size_ = 0;
    return deliver();
  }
  if (parser_.pstate == row_not_begun) // a blank line
    return;
  lines_.emplace_back(text);
  lines_size_ += text.size();
  if (lines_size_ > limits_.row || lines_.size() > most_lines) {
    const auto most =
      lines_size_ > limits_.row ? std::to_string(limits_.row) + " bytes" : std::to_string(most_lines) + " lines";
    recover({}, row_fault::too_long, std::string{not_closed}.append(" within ").append(most));
  }
}

/// Gives the row's first line up (unless it can be mended) and has the others read again. `last` is the line that broke
/// it, where that is not among `lines_` yet.
void row_reader::recover(std::string_view last, row_fault fault, std::string reason) {
  auto lines = std::exchange(lines_, {});
  lines_size_ = 0;
  if (lines.empty() || !last.empty())
    lines.emplace_back(last);
  const auto first = std::move(lines.front());
  lines.pop_front();
  if (again_.empty())
    again_from_ = begin_ + 1;
  else
    again_from_ -= lines.size();
  again_.insert(again_.begin(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
  const bool mended = mend(first);
  start_parser(strict);
  if (mended)
    return deliver();
  out_of_step_ = true;
  fail_row(fault, std::move(reason));
}

/// Whether the line alone is a row: with stray quotes as characters, or in a file with tabs, which often quote nothing,
/// with all quotes as characters. The row is then ready.
bool row_reader::mend(const std::string& first) {
  return reads_as_row(first, lenient, '"') || (delimiter_ == '\t' && reads_as_row(first, lenient, no_quote));
}

bool row_reader::reads_as_row(std::string_view text, unsigned char options, char quote) {
  forget_row();
  start_parser(options);
  csv_set_quote(&parser_, static_cast<unsigned char>(quote));
  return parse(text) && csv_fini(&parser_, on_field, on_row, this) == 0 && complete_ && columns_ == slots_.size();
}

void row_reader::deliver() {
  if (filled_columns_ == 0) // ",,,": what spreadsheets write for empty lines
    return forget_row();
  if (long_column_ != 0)
    return fail_row(row_fault::too_long, column_name(long_column_ - 1) + ": expected at most "
                                           + std::to_string(limits_.field) + " bytes, got "
                                           + std::to_string(long_size_));
  // Excel leaves the delimiters of empty last columns away, so a row may be short; but not one that is the rest of a
  // broken row
  if (filled_columns_ > slots_.size() || (out_of_step_ && columns_ != slots_.size()))
    return fail_row(row_fault::columns, "expected " + std::to_string(slots_.size()) + " columns as in the header, got "
                                          + std::to_string(columns_)
                                          + (out_of_step_ ? ", after a line that could not be read" : ""));
  out_of_step_ = false;
  for (std::size_t i = 0; i < cells_.size() && !text_.empty(); ++i)
    if (cells_[i].size > 0)
      views_[i] = std::string_view{text_}.substr(cells_[i].begin, cells_[i].size);
  sinks_.row(row{begin_, views_});
  forget_row();
}

void row_reader::fail_row(row_fault fault, std::string reason) {
  forget_row();
  sinks_.fault(begin_, fault, std::move(reason));
}

std::string row_reader::column_name(std::size_t column) const {
  return column < names_.size() ? names_[column] : "column " + std::to_string(column + 1);
}

} // namespace troupe::books::library
