#include "apps/warmer/watched_job.hpp"

#include "apps/books/utf8.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace troupe {
namespace {

using json = nlohmann::json;

constexpr std::int64_t whole = 10'000; // hundredths of a percent
constexpr std::size_t bar_width = 20;

std::string text_of(const json& o, const char* name) {
  const auto it = o.find(name);
  return it != o.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

std::int64_t number_of(const json& o, const char* name) {
  const auto it = o.find(name);
  return it != o.end() && it->is_number_integer() ? it->get<std::int64_t>() : -1;
}

/// Two decimals of what is given in hundredths.
std::string hundredths(std::int64_t n) {
  const auto rest = std::to_string(n % 100);
  return with_commas(n / 100) + (rest.size() == 1 ? ".0" : ".") + rest;
}

std::string rate(std::int64_t per_1000_s) {
  constexpr std::int64_t fast = 100'000; // from 100 a second on nobody reads a decimal
  if (per_1000_s >= fast)
    return with_commas(per_1000_s / 1'000) + "/s";
  return with_commas(per_1000_s / 1'000) + '.' + std::to_string(per_1000_s % 1'000 / 100) + "/s";
}

std::string duration(std::int64_t ms) {
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 3'600;
  const auto s = (ms + 999) / 1'000;
  if (s < 2 * minute)
    return std::to_string(s) + " s";
  if (s < 2 * hour)
    return std::to_string((s + minute - 1) / minute) + " min";
  return std::to_string(s / hour) + " h " + std::to_string(s % hour / minute) + " min";
}

void note_moment(watched_job& job, const json& o) {
  if (auto phase = text_of(o, "phase"); !phase.empty())
    job.phase = std::move(phase);
  if (const auto counts = o.find("counts"); counts != o.end() && counts->is_object()) {
    job.counts.clear();
    for (const auto& [name, value] : counts->items())
      if (value.is_number_integer())
        job.counts[name] = value.get<std::int64_t>();
  }
  if (const auto errors = o.find("errors"); errors != o.end() && errors->is_object()) {
    job.errors.clear();
    for (const auto& [cause, times] : errors->items())
      if (times.is_number_integer())
        job.errors.emplace_back(cause, times.get<std::int64_t>());
    std::stable_sort(
      job.errors.begin(), job.errors.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  }
}

} // namespace

std::int64_t watched_job::count(const std::string& name) const {
  const auto it = counts.find(name);
  return it == counts.end() ? -1 : it->second;
}

void note(watched_job& job, std::string_view event, std::string_view data) {
  const bool done = event == "done";
  const bool failed = event == "error";
  if (!done && !failed && event != "state" && event != "phase" && event != "progress")
    return;
  auto o = json::parse(data, nullptr, false);
  if (!o.is_object())
    o = json::object();
  note_moment(job, o);
  if (auto state = text_of(o, "state"); !state.empty())
    job.state = std::move(state);
  else if (done || failed)
    job.state = done ? "done" : "failed";
  // An unknown number is one that is left out of its event.
  if (event == "progress" || event == "phase") {
    job.percent_hundredths = number_of(o, "percent_hundredths");
    job.items_per_1000_s = number_of(o, "items_per_1000_s");
    job.left_ms = number_of(o, "left_ms");
  }
  // A job that was paused goes on at another rate.
  if (event == "state")
    job.items_per_1000_s = job.left_ms = -1;
  if (failed && job.state == "done")
    job.state = "failed";
  for (const auto* name : {"message", "error"})
    if (auto why = text_of(o, name); !why.empty() && job.message.empty())
      job.message = std::move(why);
  job.ended = job.ended || done || failed;
}

std::string progress_line(const watched_job& job, std::size_t columns) {
  const auto part = [&](std::string& to, const std::string& text) { to.append(to.empty() ? "" : "  ").append(text); };
  std::string out = printable(job.phase.empty() || job.state == "paused" || job.ended ? job.state : job.phase);
  if (job.percent_hundredths >= 0) {
    const auto percent = std::min(job.percent_hundredths, whole);
    const auto filled = static_cast<std::size_t>(percent) * bar_width / whole;
    part(out, '[' + std::string(filled, '#') + std::string(bar_width - filled, '-') + ']');
    part(out, hundredths(percent) + " %");
    part(out, with_commas(std::max<std::int64_t>(job.count("done"), 0) + std::max<std::int64_t>(job.count("failed"), 0))
                + " of " + with_commas(std::max<std::int64_t>(job.count("items"), 0)));
  } else if (job.count("rows") >= 0) {
    part(out, with_commas(job.count("rows")) + " rows");
  }
  if (job.items_per_1000_s >= 0)
    part(out, rate(job.items_per_1000_s));
  if (job.left_ms >= 0)
    part(out, duration(job.left_ms) + " left");
  if (job.count("failed") > 0)
    part(out, with_commas(job.count("failed")) + " failed");
  if (out.size() > columns)
    out.resize(columns);
  return out;
}

std::string ending_of(const watched_job& job) {
  auto out = printable(job.state);
  if (!job.message.empty())
    out += ": " + printable(job.message);
  std::string counted;
  const auto part = [&](const char* name, const char* says) {
    if (job.count(name) >= 0)
      counted.append(counted.empty() ? "" : ", ").append(with_commas(job.count(name))).append(says);
  };
  part("rows", " rows");
  part("rejected", " rejected");
  part("duplicates", " duplicates");
  part("items", " items");
  part("done", " done");
  part("hits", " of them hits");
  part("failed", " failed");
  if (!counted.empty())
    out.append(" (").append(counted).append(")");
  for (const auto& [cause, times] : job.errors)
    out.append("\n  ").append(printable(cause)).append(": ").append(with_commas(times));
  return out;
}

std::string to_json(const watched_job& job, std::string_view id) {
  auto o = nlohmann::ordered_json{{"job_id", id}, {"state", job.state}};
  if (!job.phase.empty())
    o["phase"] = job.phase;
  if (!job.counts.empty())
    o["counts"] = job.counts;
  if (!job.errors.empty()) {
    o["errors"] = nlohmann::ordered_json::object();
    for (const auto& [cause, times] : job.errors)
      o["errors"][cause] = times;
  }
  if (!job.message.empty())
    o["message"] = job.message;
  return o.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string with_commas(std::int64_t n) {
  auto out = std::to_string(n);
  const std::size_t first = n < 0 ? 1 : 0;
  for (auto at = out.size(); at > first + 3;)
    out.insert(at -= 3, 1, ',');
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto point = books::utf8::next(text, at);
    books::utf8::append(out, is_control(point) ? U'?' : point); // what is ill-formed becomes U+FFFD
  }
  return out;
}

} // namespace troupe
