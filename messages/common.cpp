#include "messages/common.hpp"

#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace troupe {
namespace {

constexpr caf::atom_value category = caf::atom("troupe");

} // namespace

caf::error make_error(ec code) {
  return caf::error{static_cast<std::uint8_t>(code), category};
}

caf::error make_error(ec code, std::string message) {
  return caf::error{static_cast<std::uint8_t>(code), category, caf::make_message(std::move(message))};
}

error from_caf(const caf::error& e) {
  if (!e)
    return {ec::none, {}};
  if (e.category() == category) {
    const auto code = static_cast<ec>(e.code());
    if (e.context().match_elements<std::string>())
      return {code, e.context().get_as<std::string>(0)};
    return {code, std::string{to_string(code)}};
  }
  if (e == caf::sec::request_timeout)
    return {ec::deadline_exceeded, "no answer before the deadline"};
  if (e == caf::sec::request_receiver_down)
    return {ec::circuit_tripped, "the provider went down"};
  return {ec::internal, caf::to_string(e)};
}

} // namespace troupe
