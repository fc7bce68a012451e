#include "apps/books/merge.hpp"

#include "apps/books/isbn.hpp"
#include "apps/books/text.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace troupe::books {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

/// How much a record says of which printed book it is; also the order in which records are placed and fused.
enum class kind : std::uint8_t { edition, work, nameless };

struct entry {
  const book* record = nullptr;
  std::size_t provider = 0; // its place in the contributions
  std::size_t rank = 0;     // its place in its provider's answer, from 0
  kind what = kind::nameless;
};

struct group {
  std::vector<entry> members;
  std::int64_t score = 0;

  [[nodiscard]] bool has(std::size_t provider) const {
    return std::any_of(members.begin(), members.end(), [&](const entry& e) { return e.provider == provider; });
  }
};

std::uint64_t number_of(std::string_view isbn13) noexcept {
  std::uint64_t n = 0;
  for (char c : isbn13)
    n = n * 10 + static_cast<std::uint64_t>(c - '0');
  return n;
}

/// All records, best rank first, then by provider.
std::vector<entry> entries_of(std::span<const contribution> found) {
  std::vector<entry> list;
  for (std::size_t provider = 0; provider < found.size(); ++provider)
    if (const auto* books = dynamic_cast<const book_list*>(found[provider].found.get()))
      for (std::size_t rank = 0; rank < books->books.size(); ++rank) {
        const auto& record = books->books[rank];
        const auto what = record.isbn13.empty()        ? kind::nameless
                          : record.other_isbns.empty() ? kind::edition
                                                       : kind::work;
        list.push_back({&record, provider, rank, what});
      }
  std::sort(list.begin(), list.end(),
    [](const entry& a, const entry& b) { return std::tie(a.rank, a.provider) < std::tie(b.rank, b.provider); });
  return list;
}

/// Sorts records into groups, each of which is one book.
class grouping {
public:
  explicit grouping(std::span<const entry> entries) {
    groups_.reserve(entries.size());
    by_isbn_.reserve(entries.size());
    names_.reserve(entries.size());
    // a name joins no two editions and no two records of one provider: where there is nothing else it is not needed
    by_name_ = std::any_of(entries.begin(), entries.end(), [&](const entry& e) { return e.what != kind::edition; })
               && std::any_of(entries.begin(), entries.end(),
                 [&](const entry& e) { return e.provider != entries.front().provider; });
    // editions first: they are what the vaguer records can be recognised by
    for (auto what : {kind::edition, kind::work, kind::nameless})
      for (const auto& e : entries)
        if (e.what == what)
          place(e);
  }

  [[nodiscard]] std::vector<group> take() { return std::move(groups_); }

private:
  /// Under which name a record went into which group; in the order of placing. A list, not a map: a name can lead to
  /// several groups, of which the first counts, and there are some hundred at most.
  struct name {
    std::size_t hash;
    std::string key;
    std::size_t group;
  };

  void place(const entry& e) {
    auto at = find_isbn(e);
    const auto key = by_name_ ? name_key(*e.record) : std::string{};
    if (at == none)
      at = find_name(e, key);
    if (at == none) {
      at = groups_.size();
      groups_.emplace_back();
    }
    groups_[at].members.push_back(e);
    if (!e.record->isbn13.empty())
      by_isbn_.try_emplace(number_of(e.record->isbn13), at);
    if (!key.empty())
      names_.push_back({std::hash<std::string>{}(key), key, at});
  }

  std::size_t find_isbn(const entry& e) const {
    if (e.what == kind::nameless)
      return none;
    if (const auto it = by_isbn_.find(number_of(e.record->isbn13)); it != by_isbn_.end())
      return it->second;
    auto best = none;
    for (const auto number : e.record->other_isbns)
      if (const auto it = by_isbn_.find(number); it != by_isbn_.end() && !groups_[it->second].has(e.provider))
        best = std::min(best, it->second);
    return best;
  }

  std::size_t find_name(const entry& e, const std::string& key) const {
    if (key.empty() || e.what == kind::edition) // the groups so far are editions too
      return none;
    const auto hash = std::hash<std::string>{}(key);
    for (const auto& named : names_)
      if (named.hash == hash && named.key == key && !groups_[named.group].has(e.provider))
        return named.group;
    return none;
  }

  std::vector<group> groups_;
  std::unordered_map<std::uint64_t, std::size_t> by_isbn_;
  std::vector<name> names_;
  bool by_name_ = false;
};

/// Reciprocal ranks as integers, so that sums are exact: a provider counts once, with its best rank.
std::int64_t score_of(const group& g) {
  constexpr std::int64_t unit = 1'000'000'000;
  constexpr std::int64_t k = 60; // as in the paper
  std::int64_t score = 0;
  for (std::size_t i = 0; i < g.members.size(); ++i) {
    const auto& e = g.members[i];
    const bool best = std::none_of(g.members.begin(), g.members.end(),
      [&](const entry& other) { return other.provider == e.provider && other.rank < e.rank; });
    if (best)
      score += unit / (k + 1 + static_cast<std::int64_t>(e.rank));
  }
  return score;
}

/// Appends one record of all: what says most of the edition leads, then the provider's place, then its rank.
void fuse(std::vector<book>& to, std::vector<entry> members) {
  std::sort(members.begin(), members.end(), [](const entry& a, const entry& b) {
    return std::tie(a.what, a.provider, a.rank) < std::tie(b.what, b.provider, b.rank);
  });
  auto& b = to.emplace_back(*members.front().record);
  b.other_isbns.clear();
  for (std::size_t i = 1; i < members.size(); ++i)
    complete(b, *members[i].record);
}

template <class T>
void fill(book& into, const book& from, field f, T book::*member) {
  if (into.*member != T{} || from.*member == T{})
    return;
  into.*member = from.*member;
  into.said(f) = from.said(f);
}

} // namespace

std::string name_key(const book& b) {
  return b.authors.empty() ? std::string{} : match_key(b.title) + '\n' + author_key(b.authors.front());
}

void complete(book& into, const book& from) {
  fill(into, from, field::title, &book::title);
  fill(into, from, field::subtitle, &book::subtitle);
  fill(into, from, field::authors, &book::authors);
  if (into.isbn13.empty()) { // both or none: they name one book
    fill(into, from, field::isbn13, &book::isbn13);
    fill(into, from, field::isbn10, &book::isbn10);
  }
  fill(into, from, field::publisher, &book::publisher);
  fill(into, from, field::published_date, &book::published_date);
  fill(into, from, field::published_year, &book::published_year);
  fill(into, from, field::page_count, &book::page_count);
  fill(into, from, field::language, &book::language);
  fill(into, from, field::categories, &book::categories);
  fill(into, from, field::description, &book::description);
  fill(into, from, field::cover_url, &book::cover_url);
  for (const auto& [provider, id] : from.ids)
    into.set_id(provider, id);
}

records_ptr merge_search(const question& q, std::span<const contribution> found) {
  const auto entries = entries_of(found);
  auto groups = grouping{entries}.take();
  for (auto& g : groups) {
    g.score = score_of(g);
    // the first member now is the one that decides ties
    std::sort(g.members.begin(), g.members.end(),
      [](const entry& a, const entry& b) { return std::tie(a.provider, a.rank) < std::tie(b.provider, b.rank); });
  }
  std::sort(groups.begin(), groups.end(), [](const group& a, const group& b) {
    const auto &x = a.members.front(), &y = b.members.front();
    return std::tie(b.score, x.provider, x.rank) < std::tie(a.score, y.provider, y.rank);
  });
  auto merged = std::make_shared<book_list>();
  for (const auto& c : found)
    if (const auto* list = dynamic_cast<const book_list*>(c.found.get()))
      merged->may_go_on = merged->may_go_on || list->may_go_on;
  if (q.limit > 0 && groups.size() > static_cast<std::size_t>(q.limit)) {
    groups.resize(static_cast<std::size_t>(q.limit));
    merged->may_go_on = true;
  }
  merged->books.reserve(groups.size());
  for (auto& g : groups)
    fuse(merged->books, std::move(g.members));
  return merged;
}

records_ptr merge_page(const question& q, std::span<const contribution> found) {
  auto whole = q;
  whole.limit = 0;
  return merge_search(whole, found);
}

records_ptr merge_details(const question& q, std::span<const contribution> found) {
  auto merged = std::make_shared<book_list>();
  const auto all = entries_of(found);
  const auto asked = isbn::parse(q.text);
  std::vector<entry> same;
  for (const auto& e : all)
    if (asked && e.record->isbn13 == asked.value().isbn13())
      same.push_back(e);
  // entries are sorted by rank, then provider: the first nameless one is the best
  for (const auto& e : all)
    if (e.what == kind::nameless
        && (same.empty() || match_key(e.record->title) == match_key(same.front().record->title)))
      same.push_back(e);
  if (same.empty())
    return merged;
  for (auto& e : same) // all are this edition now: the provider's place alone decides
    e.what = e.record->isbn13.empty() ? kind::nameless : kind::edition;
  fuse(merged->books, std::move(same));
  return merged;
}

} // namespace troupe::books
