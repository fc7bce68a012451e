// A text that comes in chunks, as whole lines. However the chunks are cut, the lines are the same: they come without
// their ends (LF, CRLF, CR), so that nobody sees which ends a file has. Memory is bounded by the longest line allowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::books::library {

struct line {
  std::uint64_t number = 0; ///< from 1
  std::string_view text;    ///< empty when it was too long
  std::size_t size = 0;     ///< in bytes, also of one that was too long
  bool too_long = false;
};

class line_splitter {
public:
  explicit line_splitter(std::size_t longest) : longest_{longest} {}

  /// Calls take(line) for each line that ends in this chunk; the text is good during the call.
  template <class Take>
  void feed(std::string_view chunk, Take take) {
    std::size_t at = after_cr_ && chunk.starts_with('\n') ? 1 : 0; // the rest of an end that was seen already
    after_cr_ = after_cr_ && chunk.empty();
    // each of the two is looked for again only when it was passed: a file without the one is not scanned for each line
    auto lf = chunk.find('\n', at);
    auto cr = chunk.find('\r', at);
    while (at < chunk.size()) {
      if (lf < at)
        lf = chunk.find('\n', at);
      if (cr < at)
        cr = chunk.find('\r', at);
      const auto end = lf < cr ? lf : cr;
      if (end == std::string_view::npos)
        return keep(chunk.substr(at));
      end_line(chunk.substr(at, end - at), take);
      at = end + 1;
      if (end == cr && at < chunk.size() && chunk[at] == '\n')
        ++at;
      else if (end == cr && at == chunk.size())
        after_cr_ = true;
    }
  }

  /// Calls take(line) for a last line without an end.
  template <class Take>
  void finish(Take take) {
    if (size_ > 0)
      end_line({}, take);
  }

private:
  void keep(std::string_view part) {
    size_ += part.size();
    if (size_ <= longest_)
      begun_ += part;
    else
      begun_.clear();
  }

  template <class Take>
  void end_line(std::string_view part, Take& take) {
    ++number_;
    const auto size = size_ + part.size();
    if (size > longest_) {
      take(line{number_, {}, size, true});
    } else if (size_ == 0) { // almost always: nothing is copied
      take(line{number_, part, size, false});
    } else {
      begun_ += part;
      take(line{number_, begun_, size, false});
    }
    begun_.clear();
    size_ = 0;
  }

  std::size_t longest_;
  std::string begun_;    // what came of the line under way; empty when that is too long
  std::size_t size_ = 0; // of the line under way
  std::uint64_t number_ = 0;
  bool after_cr_ = false;
};

} // namespace troupe::books::library
