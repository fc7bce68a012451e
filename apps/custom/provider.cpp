#include "apps/custom/provider.hpp"

#include "apps/custom/json_records.hpp"

#include <memory>

namespace troupe::custom {
namespace {

using assignments = std::map<std::string, assignment, std::less<>>;
using std::chrono::microseconds;

upstream_request build(const assignments& by_route, const question& q, const std::string& key) {
  const auto& operation = by_route.find(q.route)->second.operation; // the orchestrator asks for known routes alone
  upstream_request request;
  request.target = operation.path.expand(q.params, key);
  for (const auto& [name, value] : operation.headers)
    request.headers.emplace_back(name, expand_header(value, key));
  return request;
}

error named(const std::string& provider, error e) {
  return {e.code, provider + ": " + e.message};
}

result<records_ptr> read(const std::string& provider, std::string_view text, merge_kind merge) {
  auto found = read_records(text, merge);
  if (!found)
    return named(provider, found.error());
  return found;
}

} // namespace

result<status_verdict> judge_status(const http_response& answer) {
  const auto status = answer.status;
  if (status == 204 || status == 404 || status == 410)
    return status_verdict::nothing;
  if (status >= 200 && status < 300) {
    const bool blank = answer.body.view().find_first_not_of(" \t\r\n") == std::string_view::npos;
    return blank ? status_verdict::nothing : status_verdict::read;
  }
  const auto code = status == 429 ? ec::provider_limited : status >= 500 ? ec::provider_failed : ec::provider_refused;
  return fail(code, "status " + std::to_string(status));
}

upstream_api make_api(std::string name, assignments by_route, mapper run) {
  const auto table = std::make_shared<const assignments>(std::move(by_route));
  upstream_api api;
  api.name = name;
  api.build = [table](const question& q, const std::string& key) { return build(*table, q, key); };
  api.lane = [table, name](const question& q) {
    const auto& lane = table->find(q.route)->second.operation.lane;
    return lane.empty() ? name : name + '/' + lane;
  };
  api.map_later = [table, name, run = std::move(run)](const question& q, const http_response& answer,
                    microseconds remaining, const upstream_api::mapped_callback& done) {
    const auto verdict = judge_status(answer);
    if (!verdict)
      return done(named(name, verdict.error()));
    if (verdict.value() == status_verdict::nothing)
      return done(records_ptr{std::make_shared<json_records>()});
    const auto& asked = table->find(q.route)->second;
    if (!asked.program)
      return done(read(name, answer.body.view(), asked.merge));
    run(*asked.program, answer.body, std::chrono::steady_clock::now() + remaining,
      [name, merge = asked.merge, done](result<std::string> text) {
        done(text ? read(name, text.value(), merge) : result<records_ptr>{named(name, text.error())});
      });
  };
  return api;
}

} // namespace troupe::custom
