#include "apps/warmer/stream_book.hpp"

#include <algorithm>

namespace troupe {

stream_book::place stream_book::take_place(const std::string& client) {
  if (streams_.size() + opening_ >= most_.streams)
    return place::none;
  const auto known = clients_.find(client);
  if (known != clients_.end() && known->second >= most_.a_client)
    return place::none_for_client;
  ++clients_[client];
  ++opening_;
  return place::granted;
}

void stream_book::give_back(const std::string& client) {
  --opening_;
  if (--clients_[client] == 0)
    clients_.erase(client);
}

stream_book::id stream_book::open(const std::string& client, const std::string& job, std::int64_t seen) {
  --opening_;
  streams_.emplace(++last_, stream{client, job, seen});
  jobs_[job].streams.insert(last_);
  return last_;
}

void stream_book::close(id which) {
  const auto it = streams_.find(which);
  if (it == streams_.end())
    return;
  const auto client = clients_.find(it->second.client);
  if (--client->second == 0)
    clients_.erase(client);
  const auto job = jobs_.find(it->second.job);
  job->second.streams.erase(which);
  if (job->second.streams.empty() && !job->second.reading)
    jobs_.erase(job);
  streams_.erase(it);
}

std::vector<stream_book::id> stream_book::of(const std::string& job) const {
  const auto it = jobs_.find(job);
  return it == jobs_.end() ? std::vector<id>{} : std::vector<id>{it->second.streams.begin(), it->second.streams.end()};
}

std::vector<std::string> stream_book::jobs() const {
  std::vector<std::string> out;
  out.reserve(jobs_.size());
  for (const auto& [job, _] : jobs_)
    out.push_back(job);
  return out;
}

std::string stream_book::job_of(id which) const {
  const auto it = streams_.find(which);
  return it == streams_.end() ? std::string{} : it->second.job;
}

std::optional<std::int64_t> stream_book::begin_reading(const std::string& job) {
  const auto it = jobs_.find(job);
  if (it == jobs_.end())
    return std::nullopt;
  auto& j = it->second;
  if (j.reading) {
    j.again = true;
    return std::nullopt;
  }
  std::optional<std::int64_t> from;
  for (const auto each : j.streams)
    if (const auto& s = streams_.at(each); !s.full)
      from = std::min(from.value_or(s.seen), s.seen);
  j.reading = from.has_value();
  j.again = false;
  return from;
}

bool stream_book::end_reading(const std::string& job, bool more) {
  const auto it = jobs_.find(job);
  if (it == jobs_.end())
    return false;
  it->second.reading = false;
  if (!it->second.streams.empty())
    return more || it->second.again;
  jobs_.erase(it);
  return false;
}

bool stream_book::takes(id which, std::int64_t seq) const {
  const auto it = streams_.find(which);
  return it != streams_.end() && !it->second.full && seq == it->second.seen + 1;
}

void stream_book::sent(id which, std::int64_t seq) {
  if (const auto it = streams_.find(which); it != streams_.end())
    it->second.seen = seq;
}

void stream_book::full(id which) {
  if (const auto it = streams_.find(which); it != streams_.end())
    it->second.full = true;
}

void stream_book::has_room(id which) {
  if (const auto it = streams_.find(which); it != streams_.end())
    it->second.full = false;
}

} // namespace troupe
