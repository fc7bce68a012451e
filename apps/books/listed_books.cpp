#include "apps/books/listed_books.hpp"

#include "apps/books/merge.hpp"

#include <algorithm>

namespace troupe::books {
namespace {

// Open Library's number of a work ends so, that of an edition with M.
bool is_work(const book& b) {
  return std::any_of(b.ids.begin(), b.ids.end(),
    [&](const auto& id) { return id.second.ends_with('W') && id.first == b.said(field::isbn13); });
}

std::vector<std::string> ids_of(const book& b) {
  std::vector<std::string> out;
  if (!b.isbn13.empty())
    out.push_back(b.isbn13);
  for (const auto& [provider, id] : b.ids)
    out.emplace_back(provider).append(":").append(id);
  return out;
}

} // namespace

listed_books::listed* listed_books::find(const book& b, const listed& as) {
  for (const auto& id : ids_of(b))
    if (const auto it = by_id_.find(id); it != by_id_.end())
      return &all_[it->second];
  const auto named = by_name_.find(name_key(b));
  if (named == by_name_.end())
    return nullptr;
  // Two editions stay two, and what one provider tells apart stays apart.
  for (const auto at : named->second) {
    auto& before = all_[at];
    const bool shared = std::any_of(as.providers.begin(), as.providers.end(), [&](const std::string& p) {
      return std::find(before.providers.begin(), before.providers.end(), p) != before.providers.end();
    });
    if (!shared && !(before.edition && as.edition))
      return &before;
  }
  return nullptr;
}

void listed_books::remember(const book& b, listed as) {
  const auto at = all_.size();
  all_.push_back(std::move(as));
  for (auto& id : ids_of(b))
    by_id_.emplace(std::move(id), at);
  if (auto name = name_key(b); !name.empty())
    by_name_[std::move(name)].push_back(at);
}

std::vector<bool> listed_books::add_page(const std::vector<book>& page) {
  std::vector<bool> out;
  std::vector<std::pair<const book*, listed>> kept;
  for (const auto& b : page) {
    listed as{!b.isbn13.empty() && !is_work(b), {}};
    for (const auto& [provider, id] : b.ids)
      as.providers.push_back(provider);
    auto* before = find(b, as);
    out.push_back(before == nullptr);
    if (before == nullptr) {
      kept.emplace_back(&b, std::move(as));
      continue;
    }
    before->edition = before->edition || as.edition;
    before->providers.insert(before->providers.end(), as.providers.begin(), as.providers.end());
    const auto at = static_cast<std::size_t>(before - all_.data());
    for (auto& id : ids_of(b))
      by_id_.emplace(std::move(id), at);
  }
  for (auto& [b, as] : kept)
    remember(*b, std::move(as));
  return out;
}

} // namespace troupe::books
