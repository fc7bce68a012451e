#include "apps/batches/resource.hpp"

#include "actors/timer/timer.hpp"
#include "apps/bridge/visits.hpp"
#include "apps/config/values.hpp"
#include "apps/http/uri.hpp"
#include "apps/query/parameters.hpp"
#include "storage/digest.hpp"

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <algorithm>
#include <charconv>

namespace troupe {
namespace {

using json = nlohmann::json;
using std::chrono::microseconds;

constexpr std::string_view path = "/api/v1/batches";

// Below this a body is understood within 2 ms, which is no reason to change threads.
constexpr std::size_t small_body = std::size_t{64} << 10;

constexpr auto longest_wait = std::chrono::seconds{60};
constexpr std::int64_t page = 100;
constexpr std::int64_t longest_page = 1'000;
// A page of results ends this far below the bound of an answer: room for the head and for `next`.
constexpr std::size_t page_margin = 4'096;
constexpr std::size_t longest_key = 255;
constexpr std::size_t id_bytes = 16; // 128 bits: nobody guesses one

bool is_id(std::string_view id) {
  return id.size() == 2 * id_bytes
         && std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string fingerprint_of(std::string_view body) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, XXH3_128bits(body.data(), body.size()));
  return storage::to_hex({static_cast<const char*>(static_cast<const void*>(bytes.digest)), sizeof bytes.digest});
}

constexpr std::string_view failed_as = "Batch failed";

void refuse(visit& v, const error& e) {
  refuse(v, e, failed_as);
}

struct wish {
  microseconds wait{0};
  std::int64_t offset = 0;
  std::int64_t limit = page;
};

result<wish> wish_of(const http::request& request) {
  auto query = http::parse_query(request.query);
  if (!query)
    return query.as_failure();
  const auto wait = wanted_wait(query.value(), request.joined("Prefer"));
  if (!wait)
    return wait.as_failure();
  const auto offset = whole_number(query.value(), "offset", 0, 0, INT32_MAX);
  if (!offset)
    return offset.as_failure();
  const auto limit = whole_number(query.value(), "limit", page, 1, longest_page);
  if (!limit)
    return limit.as_failure();
  return wish{wait.value(), offset.value(), limit.value()};
}

using settings_ptr = std::shared_ptr<const batch_resource_settings>;

// Asks how the batch stands and says so; `status` for one that still runs.
void show(gate_actor::pointer self, const settings_ptr& s, const visit_ptr& v, const std::string& id, const wish& w,
  int status) {
  self->request(s->batches, by_its_deadline, batch_query{id, w.offset, w.limit, w.wait.count(), {}})
    .then(
      [v, status, bytes = s->edge.max_response](const batch_view& view) {
        respond(*v, view.state == batch_state::running ? status : 200,
          to_json(view, bytes > page_margin ? bytes - page_margin : 1));
      },
      [v](const caf::error& e) { refuse(*v, from_caf(e)); });
}

void start(const settings_ptr& s, const visit_ptr& v) {
  const auto& request = v->exchange.request();
  const auto w = wish_of(request);
  if (!w)
    return refuse(*v, w.error());
  const auto key = std::string{request.value("Idempotency-Key")};
  if (key.size() > longest_key || (request.find("Idempotency-Key") && key.empty()))
    return refuse(*v, {ec::bad_request, "Idempotency-Key: expected 1 to 255 bytes, got " + std::to_string(key.size())});
  auto order = parse_batch(request.body, s->rules, s->now_unix());
  if (!order)
    return refuse(*v, order.error());
  auto fingerprint = key.empty() ? std::string{} : fingerprint_of(request.body);
  v->exchange.drop_body(); // the answer may be a minute away
  auto b = std::make_shared<batch_enqueue>();
  b->id = storage::random_name(id_bytes);
  b->label = std::move(order.value().name);
  b->tasks = std::move(order.value().tasks);
  b->strict = order.value().strict;
  b->remaining_us = order.value().remaining_us;
  b->traceparent = v->traceparent;
  if (!key.empty()) {
    b->key = v->client + '\n' + key; // a client's keys are its own
    b->fingerprint = std::move(fingerprint);
  }
  within(s->gate, [s, v, b, asked = w.value()](gate_actor::pointer self) {
    self->request(s->batches, by_its_deadline, std::move(*b))
      .then(
        [self, s, v, asked](const batch_ticket& t) {
          append_field(v->head, "Location", std::string{path} + '/' + t.id);
          if (t.repeated)
            append_field(v->head, "Idempotency-Replayed", "true");
          if (asked.wait.count() > 0)
            append_field(v->head, "Preference-Applied",
              "wait=" + std::to_string(std::chrono::ceil<std::chrono::seconds>(asked.wait).count()));
          show(self, s, v, t.id, asked, 202);
        },
        [v](const caf::error& e) { refuse(*v, from_caf(e)); });
  });
}

void read(const settings_ptr& s, const visit_ptr& v) {
  if (!is_id(v->captured))
    return refuse(*v, 404, "Not found", "there is no such batch");
  if (v->exchange.request().method == "DELETE") {
    within(s->gate, [s, v](gate_actor::pointer self) {
      self->request(s->batches, by_its_deadline, batch_cancel{v->captured})
        .then([v](const batch_view& view) { respond(*v, 200, to_json(view, 0)); },
          [v](const caf::error& e) { refuse(*v, from_caf(e)); });
    });
    return;
  }
  const auto w = wish_of(v->exchange.request());
  if (!w)
    return refuse(*v, w.error());
  within(s->gate, [s, v, asked = w.value()](gate_actor::pointer self) { show(self, s, v, v->captured, asked, 200); });
}

void append_result(std::string& out, const task_result& r) {
  if (r.code == ec::none) {
    out.append(R"({"ok":true,"data":)").append(r.data.empty() ? "null" : r.data.view()).append("}");
    return;
  }
  const json e{{"code", to_string(r.code)}, {"message", r.message}, {"retryable", info(r.code).retryable}};
  out.append(R"({"ok":false,"data":null,"error":)")
    .append(e.dump(-1, ' ', false, json::error_handler_t::replace))
    .append("}");
}

} // namespace

result<microseconds> wanted_wait(const fields& query, std::string_view prefer) {
  if (const auto* text = find_parameter(query, "wait"); text != nullptr) {
    config::duration d{};
    if (!config::parse(*text, d) || d.count() < 0 || d > longest_wait)
      return fail(
        ec::bad_request, "wait: expected a duration such as 2s, at most 60s, got \"" + text->substr(0, 60) + "\"");
    return microseconds{d};
  }
  const auto at = prefer.find("wait=");
  if (at == std::string_view::npos || (at > 0 && prefer[at - 1] != ' ' && prefer[at - 1] != ','))
    return microseconds{0};
  std::int64_t n = 0;
  const auto rest = prefer.substr(at + 5);
  const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
  if (error != std::errc{} || n < 0)
    return microseconds{0};
  return microseconds{std::min(std::chrono::seconds{std::min<std::int64_t>(n, 60)}, longest_wait)};
}

std::string to_json(const batch_view& v, std::size_t max_bytes) {
  json head{{"id", v.id}, {"state", to_string(v.state)}, {"tasks", v.tasks}, {"queued", v.queued},
    {"running", v.running}, {"succeeded", v.succeeded}, {"failed", v.failed}, {"cancelled", v.cancelled}};
  if (!v.label.empty())
    head["name"] = v.label;
  if (v.state == batch_state::failed)
    head["error"] = {{"code", to_string(v.code)}, {"message", v.message}};
  auto out = head.dump(-1, ' ', false, json::error_handler_t::replace);
  if (v.state == batch_state::running || max_bytes == 0)
    return out;
  out.pop_back(); // its brace
  out.append(R"(,"offset":)").append(std::to_string(v.offset)).append(R"(,"results":[)");
  std::int64_t shown = 0;
  for (const auto& r : v.results) {
    if (shown > 0 && out.size() + r.data.view().size() > max_bytes)
      break;
    out.append(shown++ == 0 ? "" : ",");
    append_result(out, r);
  }
  const auto next = v.offset + shown;
  out.append(R"(],"next":)").append(next < v.tasks ? std::to_string(next) : "null").append("}");
  return out;
}

std::vector<resource> batch_resources(batch_resource_settings settings) {
  const auto s = std::make_shared<const batch_resource_settings>(std::move(settings));
  resource all;
  all.name = "batches";
  all.pattern = path;
  all.failure = failed_as;
  all.edge = s->edge;
  all.methods = {"POST"};
  all.max_body = s->max_body;
  all.quota = s->starts;
  all.handle = [s](visit v) {
    const auto shared = std::make_shared<visit>(std::move(v));
    if (shared->exchange.request().body.size() <= small_body)
      return start(s, shared);
    within(s->intake, [s, shared](gate_actor::pointer) { start(s, shared); });
  };
  resource one;
  one.name = "batch";
  one.grant = "batches";
  one.failure = failed_as;
  one.edge = s->edge;
  one.pattern = std::string{path} + "/{id}";
  one.methods = {"GET", "HEAD", "DELETE"};
  one.quota = s->reading;
  one.handle = [s](visit v) { read(s, std::make_shared<visit>(std::move(v))); };
  return {std::move(all), std::move(one)};
}

} // namespace troupe
