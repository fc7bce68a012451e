#include "apps/bridge/metric_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace troupe {
namespace {

using line = std::pair<std::string_view, std::string_view>;

// Sorted by name.
constexpr std::array help{
  line{"troupe_access_log_dropped_total", "Access log lines that were dropped because the writer could not keep up."},
  line{"troupe_auth_refused_total", "Requests refused for want of a valid API key, by cause."},
  line{"troupe_cache_bytes", "Memory that cached answers take."},
  line{"troupe_cache_cancelled_total", "Cache misses that nobody waited for any more."},
  line{"troupe_cache_coalesced_total", "Lookups that joined a fetch under way instead of causing one."},
  line{"troupe_cache_cold_swept_total", "Answers of the cold tier that had died and were removed."},
  line{"troupe_cache_entries", "Answers in the cache."},
  line{"troupe_cache_evicted_total", "Answers that left the cache to make room."},
  line{"troupe_cache_expired_total", "Answers that left the cache after their time."},
  line{"troupe_cache_fetches_in_flight", "Cache misses under way."},
  line{"troupe_cache_handed_back_total", "Answers that the key-value store handed back to the shards after a start."},
  line{"troupe_cache_keeper_failures_total", "Requests of the cache's keeper that its tiers did not carry out."},
  line{"troupe_cache_lookups_total", "Lookups that the hot index could not answer."},
  line{"troupe_cache_promoted_total", "Answers that went from the cold tier to the hot one."},
  line{"troupe_cache_refreshed_total", "Answers that were fetched anew behind an answer."},
  line{"troupe_cache_restored_total", "Answers that came back into memory after a start."},
  line{"troupe_cache_shed_total", "Lookups refused because too many fetches were under way."},
  line{"troupe_cache_stale_served_total", "Stale answers given because every provider failed."},
  line{"troupe_cache_tier_dropped_total", "Answers that a tier was not given because it had too much before it."},
  line{"troupe_cache_tier_failures_total", "Requests that a tier of the cache failed or did not answer in time."},
  line{"troupe_cache_tier_hits_total", "Lookups that a tier below memory answered."},
  line{"troupe_cache_tier_kept_total", "Answers that a tier was given to keep."},
  line{"troupe_cache_tier_open", "Requests that a tier of the cache has not answered."},
  line{"troupe_cache_too_large_total", "Answers that were too large to be kept."},
  line{"troupe_cache_waiting", "Lookups that wait for a fetch."},
  line{"troupe_circuit_state", "1 for the state that a provider's circuit is in, else 0."},
  line{"troupe_circuit_trips_total", "How often a provider's circuit has opened."},
  line{"troupe_hot_index_bytes", "Memory that answers in the hot index take."},
  line{"troupe_hot_index_entries", "Answers in the hot index."},
  line{"troupe_http_client_aborted_total", "Upstream transfers that were cancelled."},
  line{"troupe_http_client_in_flight", "Upstream transfers under way."},
  line{"troupe_http_client_received_bytes_total", "Bytes of upstream bodies."},
  line{"troupe_http_client_transfers_total", "Upstream transfers begun."},
  line{"troupe_http_clients_gone_total", "Clients that left before their answer."},
  line{"troupe_http_connections", "Open client connections."},
  line{"troupe_http_connections_total", "Client connections accepted."},
  line{"troupe_http_hot_hits_total", "Requests answered from the hot index, without a message."},
  line{"troupe_http_refused_total", "Requests that the HTTP server refused by itself, by status."},
  line{"troupe_http_request_duration_seconds", "Time from a complete request to its answer."},
  line{"troupe_http_requests_in_flight", "Requests without an answer yet."},
  line{"troupe_http_requests_total", "Requests answered, by endpoint and class of status."},
  line{"troupe_http_streams", "Streamed answers under way."},
  line{"troupe_http_streams_cut_total", "Streamed answers that ended before they were complete."},
  line{"troupe_job_events_dropped_total", "Events of jobs whose clients left before they were sent."},
  line{"troupe_job_events_sent_total", "Events of jobs that were sent."},
  line{"troupe_job_streams", "Streams of jobs' events under way."},
  line{"troupe_kv_errors_total", "Requests to key-value storage that were answered with an error."},
  line{"troupe_kv_reads_total", "Requests that read key-value storage."},
  line{"troupe_kv_swept_total", "Expired entries of key-value storage whose space was freed."},
  line{"troupe_kv_writes_total", "Requests that write key-value storage."},
  line{"troupe_lookups_in_flight", "Requests that wait for a cache shard."},
  line{"troupe_objects_errors_total", "Requests to object storage that were answered with an error, by bucket."},
  line{"troupe_objects_reads_total", "Requests that read object storage, by bucket."},
  line{"troupe_objects_writes_total", "Requests that write object storage, by bucket."},
  line{"troupe_permit_wait_seconds", "How long upstream calls waited for their permit, by lane and priority."},
  line{"troupe_permits_granted_total", "Upstream calls that the rate limiter let through."},
  line{"troupe_permits_held", "Upstream calls under way, by lane."},
  line{"troupe_permits_refused_total", "Upstream calls that the rate limiter refused."},
  line{"troupe_permits_waiting", "Upstream calls that wait for a permit, by lane."},
  line{"troupe_provider_attempts_aborted_total", "Attempts of a provider that were taken off the wire."},
  line{"troupe_provider_calls_in_flight", "Calls of providers under way."},
  line{"troupe_provider_calls_total", "Calls of a provider."},
  line{"troupe_provider_duration_seconds", "How long a provider's upstream took to answer."},
  line{"troupe_provider_failures_total", "Failed calls of a provider."},
  line{"troupe_provider_hedge_budget", "Second attempts that a provider could make now."},
  line{"troupe_provider_hedges_total", "Second attempts that a provider made beside a slow first."},
  line{"troupe_provider_hedges_won_total", "Second attempts that were answered first."},
  line{"troupe_provider_retries_refused_total", "Retries that a provider's budget did not allow."},
  line{"troupe_provider_retries_total", "Retries that a provider made."},
  line{"troupe_provider_retry_budget", "Retries that a provider could make now."},
  line{"troupe_requests_in_flight", "Questions that the orchestrator has under way."},
  line{"troupe_schedule_runs_total", "Runs of a schedule that ended here or were skipped, by outcome."},
  line{"troupe_schedule_under_way", "Whether a run of a schedule is under way on this node."},
  line{"troupe_silent_actors", "Actors that did not answer the question for their counters in time."},
  line{"troupe_storage_jobs_done_total", "Storage jobs that succeeded, by pool."},
  line{"troupe_storage_jobs_expired_total", "Storage jobs whose deadline passed before they began, by pool."},
  line{"troupe_storage_jobs_failed_total", "Storage jobs that failed, by pool."},
  line{"troupe_storage_jobs_grouped_total", "Writes that shared a transaction, by pool."},
  line{"troupe_storage_jobs_groups_total", "Transactions that writes shared, by pool."},
  line{"troupe_storage_jobs_queued", "Storage jobs that wait for a connection, by pool."},
  line{"troupe_storage_jobs_refused_total", "Storage jobs refused because too many waited, by pool."},
  line{"troupe_storage_jobs_running", "Storage jobs on a connection, by pool."},
  line{"troupe_store_reads_total", "Rows that were looked up in the database."},
  line{"troupe_store_rows_dropped_total", "Rows that were not written because too many waited."},
  line{"troupe_store_rows_waiting", "Rows that wait to be written."},
  line{"troupe_store_rows_written_total", "Rows written to the database."},
  line{"troupe_store_write_failures_total", "Failed writes to the database."},
  line{"troupe_tls_handshakes_total", "TLS handshakes that clients began, by outcome."},
  line{"troupe_uploads_held_bytes", "Bytes of uploads that wait for storage."},
  line{"troupe_uploads_under_way", "Uploads that are not answered yet."},
};

constexpr std::string_view in_messages = "_microseconds";
constexpr std::string_view to_readers = "_seconds";

// Backslash, quote and line feed, as the format asks for.
void append_label(std::string& out, std::string_view value) {
  for (const auto c : value)
    if (c == '\n')
      out.append("\\n");
    else
      out.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
}

// Names with the unit that readers expect, values still as they came. Whether the value is in microseconds: of a
// histogram only the sum is, the rest are counts.
bool in_base_units(metric& m) {
  const auto at = m.name.rfind(in_messages);
  if (at == std::string::npos)
    return false;
  m.name.replace(at, in_messages.size(), to_readers);
  return !m.name.ends_with("_bucket") && !m.name.ends_with("_count");
}

void append_seconds(std::string& out, std::int64_t us) {
  fmt::format_to(std::back_inserter(out), "{}.{:06}", us / 1'000'000, us % 1'000'000);
}

// The name that HELP and TYPE are about: a histogram's rows share one.
std::pair<std::string_view, std::string_view> family_of(const metric& m) {
  const std::string_view name = m.name;
  for (const std::string_view part : {"_seconds_bucket", "_seconds_count", "_seconds_sum"})
    if (name.ends_with(part))
      return {name.substr(0, name.rfind('_')), "histogram"};
  return {name, m.counter ? "counter" : "gauge"};
}

void append_labels(std::string& out, const fields& labels) {
  for (std::size_t l = 0; l < labels.size(); ++l) {
    const auto& [name, value] = labels[l];
    out.append(l == 0 ? "{" : ",").append(name).append("=\"");
    if (name != "le")
      append_label(out, value);
    else if (value == "inf")
      out.append("+Inf");
    else
      append_seconds(out, std::strtoll(value.c_str(), nullptr, 10));
    out += '"';
  }
  out.append(labels.empty() ? "" : "}");
}

} // namespace

void append_metric_head(std::string& out, std::string_view name, std::string_view type) {
  const auto* const found =
    std::lower_bound(help.begin(), help.end(), name, [](const line& l, std::string_view n) { return l.first < n; });
  std::string text;
  if (found != help.end() && found->first == name) {
    text = found->second;
  } else {
    text = name.substr(name.starts_with("troupe_") ? 7 : 0);
    std::replace(text.begin(), text.end(), '_', ' ');
  }
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, text, name, type);
}

void expose(std::string& out, metrics all) {
  std::vector<std::pair<metric, bool>> rows; // with: is its value in microseconds?
  rows.reserve(all.size());
  for (auto& m : all) {
    const bool micro = in_base_units(m);
    rows.emplace_back(std::move(m), micro);
  }
  // One block a name, however many actors report it (several shards): values of equal labels add up.
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.name, a.first.labels) < std::tie(b.first.name, b.first.labels);
  });
  auto to = std::back_inserter(out);
  for (std::size_t i = 0; i < rows.size();) {
    const auto& [m, micro] = rows[i];
    const auto [family, type] = family_of(m);
    if (i == 0 || family_of(rows[i - 1].first).first != family)
      append_metric_head(out, family, type);
    std::int64_t value = 0;
    auto same = i;
    for (; same < rows.size() && rows[same].first.name == m.name && rows[same].first.labels == m.labels; ++same)
      value += rows[same].first.value;
    out.append(m.name);
    append_labels(out, m.labels);
    out += ' ';
    if (micro)
      append_seconds(out, value);
    else
      fmt::format_to(to, "{}", value);
    out += '\n';
    i = same;
  }
}

} // namespace troupe
