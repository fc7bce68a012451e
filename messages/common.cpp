#include "messages/common.hpp"

#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace troupe {
namespace {

constexpr caf::atom_value category = caf::atom("troupe");

} // namespace

void append_histogram(metrics& out, const std::string& name, const fields& labels, const histogram& h) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < h.counts().size(); ++i) {
    sum += h.counts()[i];
    auto row = labels;
    auto bound = i < h.bounds_us.size() ? std::to_string(h.bounds_us[i]) : "inf";
    row.emplace_back("le", i < h.bounds_us.size() ? std::string(12 - bound.size(), '0') + bound : bound);
    out.push_back({name + "_bucket", std::move(row), true, sum});
  }
  out.push_back({name + "_count", labels, true, sum});
  out.push_back({name + "_sum", labels, true, h.total_us()});
}

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
    return {ec::cancelled, "whoever was asked has ended"};
  return {ec::internal, caf::to_string(e)};
}

} // namespace troupe
