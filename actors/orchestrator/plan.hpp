// Whom to ask next? The course of one request over its providers, decided without clock, actors or I/O: events go in,
// and out comes whom to ask now and whether the request is done. Providers are numbers: their places in the route.
// merge asks everybody who may be asked at once; it is done when all have ended, or when the patience that began with
// the first answer is over. fallback asks in order and is done with the first that knows something: an error, and an
// answer without a record too, lead to the next.
#pragma once

#include "messages/errors.hpp"
#include "messages/types.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

class plan {
public:
  enum class place : std::uint8_t {
    waiting,  ///< not asked so far
    closed,   ///< its circuit did not let us ask
    asked,    ///< under way
    answered, ///< knows something
    empty,    ///< answered, knows nothing
    failed,   ///< answered with an error, or not at all
    late,     ///< still under way when patience was over
  };

  /// Takes leave to ask a provider: true when it may be asked now (and then it must be).
  using gate = std::function<bool(std::size_t)>;

  plan(strategy how, std::size_t providers) : how_{how}, places_(providers, place::waiting) {}

  /// Whom to ask first. An empty list: done, nobody may be asked.
  [[nodiscard]] std::vector<std::size_t> start(const gate& may_ask);

  /// A provider ended with `records` records. Returns whom to ask now.
  [[nodiscard]] std::vector<std::size_t> answered(std::size_t provider, std::size_t records, const gate& may_ask);

  /// A provider ended with an error. Returns whom to ask now.
  [[nodiscard]] std::vector<std::size_t> failed(std::size_t provider, const gate& may_ask);

  /// The merge has waited long enough: all that are still under way are late.
  void patience_over();

  /// Nobody is under way and nobody is left to ask.
  [[nodiscard]] bool done() const noexcept;

  /// Somebody knows something and others are still under way: the merge's patience counts from now (said once).
  [[nodiscard]] bool starts_patience();

  [[nodiscard]] place at(std::size_t provider) const { return places_.at(provider); }
  [[nodiscard]] std::size_t providers() const noexcept { return places_.size(); }
  /// How many providers are in this place.
  [[nodiscard]] std::size_t count(place p) const noexcept;

private:
  [[nodiscard]] std::vector<std::size_t> next(const gate& may_ask);

  strategy how_;
  std::vector<place> places_;
  bool patience_started_ = false;
};

/// The provider tag (DECISIONS C-02): the names that contributed at least one record, in the route's order:
/// none -> "none", one -> "google", several -> "orchestrated:google+openlibrary".
[[nodiscard]] std::string provider_tag(const std::vector<std::string>& contributors);

} // namespace troupe
