// What the tests of library exports share: a whole text read, in chunks of a size.
#pragma once

#include "apps/books/library/reader.hpp"

#include <string>
#include <vector>

namespace troupe::books::testing {

struct reading {
  std::vector<library::entry> entries;
  std::vector<library::rejection> rejections;
  library::tally counts;
  std::optional<library::header> layout;
  library::encoding encoding = library::encoding::ascii;
  std::string failed; // what made the whole file unusable
};

inline reading read_library(std::string_view text, std::size_t chunk = 4096, library::reader_limits limits = {}) {
  reading out;
  library::reader reader{{[&](library::entry&& e) { out.entries.push_back(std::move(e)); },
                           [&](library::rejection&& r) { out.rejections.push_back(std::move(r)); }},
    limits};
  for (std::size_t at = 0; at < text.size() && out.failed.empty(); at += chunk)
    if (const auto fed = reader.feed(text.substr(at, chunk)); !fed)
      out.failed = fed.error().message;
  const auto ended = reader.finish();
  if (!ended)
    out.failed = ended.error().message;
  out.counts = reader.counts();
  out.layout = reader.layout();
  out.encoding = reader.text_encoding();
  return out;
}

/// "12 duplicate: the book of line 3 again"
inline std::string text_of(const library::rejection& r) {
  return std::to_string(r.line) + " " + std::string{to_string(r.why)} + ": " + r.reason;
}

} // namespace troupe::books::testing
