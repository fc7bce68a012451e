// A library's book as work for the warmer: which searches its owner will make (S2-37..39). Pure.
#pragma once

#include "apps/books/library/reader.hpp"
#include "messages/call.hpp"
#include "messages/job.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace troupe {

/// What an item asks for.
inline constexpr std::string_view isbn_item = "isbn";
inline constexpr std::string_view title_item = "title";
inline constexpr std::string_view author_item = "author";

/// Makes items of books, in the order of the file: each book's ISBN, its title, its authors; an author or a title that
/// several books share once. The same file gives the same items with the same numbers, so that reading it again after a
/// crash adds nothing.
class item_maker {
public:
  /// Keys by which repeated authors and titles are recognised; beyond that they are asked for again, which the cache
  /// answers. 16 MB or so.
  static constexpr std::size_t most_remembered = 500'000;

  /// Appends the items of one book.
  void add(const books::library::entry& book, std::vector<job_item>& to);

  [[nodiscard]] std::int64_t made() const noexcept { return last_; }

private:
  void add_once(std::string_view kind, std::string subject, std::string_view key, std::vector<job_item>& to);

  std::unordered_set<std::uint64_t> seen_;
  std::int64_t last_ = 0;
};

/// The path, with its query, that warms an item: of the service that the binding for its kind reaches.
[[nodiscard]] std::string path_of(const job_item& item);

/// For an author whom ISBNdb's service does not know: how everybody else is asked.
[[nodiscard]] std::string other_path_of(const job_item& author);

/// What a service's answer says of an item.
struct warm_verdict {
  ec code = ec::none;           // none: it is warm
  std::string_view how = {};    // it is warm: done_hot, done_cold or done_fetched
  bool empty = false;           // nothing was found
  std::string message = {};     // of a failure
  std::chrono::seconds wait{0}; // before anything is asked again, if the answer says so
};
[[nodiscard]] warm_verdict judge(const service_response& r);

/// A text as every database takes it: well-formed UTF-8 without NUL, of `most` bytes at most, cut where a character
/// begins. What is ill-formed becomes U+FFFD.
[[nodiscard]] std::string storable(std::string_view text, std::size_t most);

} // namespace troupe
