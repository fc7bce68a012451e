#include "actors/orchestrator/plan.hpp"

#include <algorithm>

namespace troupe {

std::vector<std::size_t> plan::start(const gate& may_ask) {
  if (how_ == strategy::fallback)
    return next(may_ask);
  std::vector<std::size_t> ask;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    places_[i] = may_ask(i) ? place::asked : place::closed;
    if (places_[i] == place::asked)
      ask.push_back(i);
  }
  return ask;
}

std::vector<std::size_t> plan::answered(std::size_t provider, std::size_t records, const gate& may_ask) {
  places_.at(provider) = records > 0 ? place::answered : place::empty;
  if (how_ == strategy::fallback && records == 0)
    return next(may_ask);
  return {};
}

std::vector<std::size_t> plan::failed(std::size_t provider, const gate& may_ask) {
  places_.at(provider) = place::failed;
  return how_ == strategy::fallback ? next(may_ask) : std::vector<std::size_t>{};
}

void plan::patience_over() {
  std::replace(places_.begin(), places_.end(), place::asked, place::late);
}

bool plan::done() const noexcept {
  if (count(place::asked) > 0)
    return false;
  return how_ == strategy::merge || count(place::answered) > 0 || count(place::waiting) == 0;
}

bool plan::starts_patience() {
  if (how_ != strategy::merge || patience_started_ || count(place::answered) == 0 || count(place::asked) == 0)
    return false;
  return patience_started_ = true;
}

std::size_t plan::count(place p) const noexcept {
  return static_cast<std::size_t>(std::count(places_.begin(), places_.end(), p));
}

std::vector<std::size_t> plan::next(const gate& may_ask) {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i] != place::waiting)
      continue;
    if (may_ask(i)) {
      places_[i] = place::asked;
      return {i};
    }
    places_[i] = place::closed;
  }
  return {};
}

std::string provider_tag(const std::vector<std::string>& contributors) {
  if (contributors.empty())
    return "none";
  if (contributors.size() == 1)
    return contributors.front();
  std::string tag = "orchestrated:";
  for (std::size_t i = 0; i < contributors.size(); ++i) {
    if (i > 0)
      tag += '+';
    tag += contributors[i];
  }
  return tag;
}

} // namespace troupe
