#include "actors/batch/batch_book.hpp"

#include <algorithm>

namespace troupe {
namespace {

// Far beyond any chain of calls that makes sense, far below what an endless recursion takes.
constexpr std::uint32_t max_depth = 16;

constexpr std::size_t longest_id = 128; // as the interface says

// Stands in deadlines_ for the whole batch.
constexpr std::uint32_t whole_batch = UINT32_MAX;

bool is_name(std::string_view id) {
  return !id.empty() && id.size() <= longest_id && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_'
           || c == '-';
  });
}

} // namespace

batch_book::task* batch_book::find(task_ref t) {
  const auto it = batches_.find(t.batch);
  return it == batches_.end() || t.index >= it->second.tasks.size() ? nullptr : &it->second.tasks[t.index];
}

const batch_book::task* batch_book::find(task_ref t) const {
  const auto it = batches_.find(t.batch);
  return it == batches_.end() || t.index >= it->second.tasks.size() ? nullptr : &it->second.tasks[t.index];
}

std::optional<std::uint64_t> batch_book::find(std::string_view id) const {
  const auto it = names_.find(id);
  return it == names_.end() ? std::nullopt : std::optional{it->second};
}

bool batch_book::is_known(std::uint64_t serial) const {
  const auto it = batches_.find(serial);
  return it != batches_.end() && !it->second.forgotten;
}

bool batch_book::is_pending(std::uint64_t serial) const {
  const auto it = batches_.find(serial);
  return it != batches_.end() && it->second.state == batch_state::running;
}

bool batch_book::is_open(task_ref t) const {
  const auto* found = find(t);
  return found != nullptr && !found->ended;
}

batch_book::time batch_book::deadline_of(task_ref t) const {
  return std::min(batches_.at(t.batch).deadline, batches_.at(t.batch).tasks[t.index].own_deadline);
}

const task_result& batch_book::result_of(task_ref t) const {
  return batches_.at(t.batch).tasks[t.index].outcome;
}

result<void> batch_book::check(time now, const new_batch& b) const {
  if (!b.id.empty()) {
    if (!is_name(b.id))
      return fail(ec::bad_request, "id: expected 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'");
    if (const auto same = find(b.id); same && is_pending(*same))
      return fail(ec::bad_request, "id: a batch named \"" + b.id + "\" is pending");
  }
  if (b.tasks == 0)
    return fail(ec::bad_request, "tasks: expected at least 1");
  if (b.tasks > cfg_.max_tasks)
    return fail(ec::bad_request,
      "tasks: expected at most " + std::to_string(cfg_.max_tasks) + ", got " + std::to_string(b.tasks));
  if (b.deadline <= now)
    return fail(ec::deadline_exceeded, "deadline: has passed");
  if (const auto parent = batches_.find(b.parent.batch); parent != batches_.end() && parent->second.depth >= max_depth)
    return fail(ec::bad_request, "tasks are nested deeper than " + std::to_string(max_depth));
  if (held_ - evictable_ + b.tasks > cfg_.max_held)
    return fail(ec::overloaded, "too many tasks are pending");
  return ok();
}

result<batch_book::admission> batch_book::enqueue(time now, new_batch n) {
  if (!n.key.empty())
    if (const auto known = keys_.find(n.key); known != keys_.end()) {
      if (known->second.fingerprint != n.fingerprint)
        return fail(ec::key_reused, "Idempotency-Key: it came with another body before");
      return admission{known->second.serial, true};
    }
  if (auto fine = check(now, n); !fine)
    return fine.as_failure();
  if (const auto same = find(n.id); same && !n.id.empty())
    forget(*same); // it has ended, and its name is used again
  make_room(n.tasks);
  const auto serial = ++last_;
  auto& b = batches_[serial];
  if (const auto parent = batches_.find(n.parent.batch); parent != batches_.end())
    b.depth = parent->second.depth + 1;
  b.strict = n.strict;
  b.deadline = n.deadline;
  b.tasks.resize(n.tasks);
  b.left = b.queued = n.tasks;
  deadlines_.emplace(n.deadline, task_ref{serial, whole_batch});
  for (const auto& [index, when] : n.own_deadlines)
    if (index < n.tasks && when < n.deadline) {
      b.tasks[index].own_deadline = when;
      deadlines_.emplace(when, task_ref{serial, index});
    }
  if (!n.id.empty())
    names_[n.id] = serial;
  if (!n.key.empty())
    keys_[n.key] = {std::move(n.fingerprint), serial};
  b.id = std::move(n.id);
  b.label = std::move(n.label);
  b.key = std::move(n.key);
  queued_ += n.tasks;
  held_ += n.tasks;
  ++open_batches_;
  stand_in_line(serial, b);
  return admission{serial, false};
}

void batch_book::stand_in_line(std::uint64_t serial, batch& b) {
  if (b.in_line || b.queued == 0 || b.slots >= cfg_.concurrency)
    return;
  b.in_line = true;
  line_.push_back(serial);
}

// Of the batch whose turn it is. Each gives one task a turn, so that a small batch does not stand behind a large one.
std::optional<task_ref> batch_book::next_task() {
  while (!line_.empty()) {
    const auto serial = line_.front();
    line_.pop_front();
    const auto it = batches_.find(serial);
    if (it == batches_.end())
      continue;
    auto& b = it->second;
    b.in_line = false;
    if (b.queued == 0 || b.slots >= cfg_.concurrency)
      continue;
    while (b.tasks[b.next].ended || b.tasks[b.next].at != stage::queued)
      ++b.next;
    const auto index = b.next++;
    b.tasks[index].at = stage::running;
    --b.queued;
    --queued_;
    ++running_;
    ++b.unreleased;
    ++b.slots;
    ++slots_;
    stand_in_line(serial, b);
    return task_ref{serial, static_cast<std::uint32_t>(index)};
  }
  return std::nullopt;
}

// Who has waited goes before who has not begun.
void batch_book::resume() {
  while (!resuming_.empty()) {
    const auto next = resuming_.front();
    auto* t = find(next.parent);
    if (t != nullptr && t->at == stage::resuming) {
      if (slots_ >= cfg_.concurrency_all)
        return;
      t->at = stage::running;
      ++slots_;
      ++batches_.at(next.parent.batch).slots;
    }
    resuming_.pop_front();
    ready_.push_back(next.token);
  }
}

std::vector<task_ref> batch_book::start() {
  resume();
  std::vector<task_ref> out;
  while (slots_ < cfg_.concurrency_all && resuming_.empty()) {
    const auto t = next_task();
    if (!t)
      break;
    out.push_back(*t);
  }
  return out;
}

bool batch_book::begin_wait(task_ref parent) {
  auto* t = find(parent);
  if (t == nullptr || (t->at != stage::running && t->at != stage::waiting && t->at != stage::resuming))
    return false;
  ++t->waits_for;
  if (t->at != stage::running) {
    t->at = stage::waiting; // one that was about to resume waits again
    return false;
  }
  t->at = stage::waiting;
  auto& b = batches_.at(parent.batch);
  --b.slots;
  --slots_;
  stand_in_line(parent.batch, b);
  return true;
}

void batch_book::end_wait(task_ref parent, std::uint64_t token) {
  auto* t = find(parent);
  if (t == nullptr || t->at != stage::waiting || --t->waits_for > 0) {
    ready_.push_back(token);
    return;
  }
  t->at = stage::resuming;
  resuming_.push_back({parent, token});
}

void batch_book::finish(time now, task_ref t, task_result r) {
  const auto it = batches_.find(t.batch);
  if (it == batches_.end() || t.index >= it->second.tasks.size() || it->second.tasks[t.index].ended)
    return;
  auto& b = it->second;
  end(t, b, std::move(r));
  const auto& kept = b.tasks[t.index].outcome; // without room a good result becomes a failure
  if (kept.code != ec::none && b.strict && b.state == batch_state::running) {
    b.state = batch_state::failed;
    b.code = kept.code;
    b.message = "task " + std::to_string(t.index) + ": " + kept.message;
    end_rest(t.batch, b, ec::cancelled, "another task of its strict batch failed");
  }
  if (b.left == 0)
    close(now, t.batch, b);
}

void batch_book::end(task_ref t, batch& b, task_result r) {
  auto& one = b.tasks[t.index];
  if (one.at == stage::queued) {
    one.at = stage::over;
    --b.queued;
    --queued_;
  }
  if (one.own_deadline != time::max())
    deadlines_.erase({one.own_deadline, t});
  const auto size = r.data.view().size() + r.message.size();
  if (bytes_ + size > cfg_.max_bytes) {
    while (!kept_.empty() && bytes_ + size > cfg_.max_bytes)
      forget(kept_.front());
    if (bytes_ + size > cfg_.max_bytes)
      r = {ec::overloaded, "no room for the result: batch.bytes is full", {}, {}};
  }
  if (r.code != ec::none) {
    r.data = {};
    r.value.reset();
  }
  const auto held = r.data.view().size() + r.message.size();
  bytes_ += held;
  b.bytes += held;
  ++(r.code == ec::none ? b.succeeded : r.code == ec::cancelled ? b.cancelled : b.failed);
  one.outcome = std::move(r);
  one.ended = true;
  --b.left;
  endings_.push_back({t, b.tasks.size() - b.left, b.tasks.size()});
}

void batch_book::end_rest(std::uint64_t serial, batch& b, ec code, const std::string& why) {
  for (std::uint32_t i = 0; i < b.tasks.size(); ++i)
    if (!b.tasks[i].ended)
      end({serial, i}, b, {code, why, {}, {}});
}

void batch_book::close(time now, std::uint64_t serial, batch& b) {
  if (b.state == batch_state::running)
    b.state = batch_state::finished;
  b.ended_at = now;
  deadlines_.erase({b.deadline, task_ref{serial, whole_batch}});
  --open_batches_;
  if (!b.id.empty()) {
    kept_.push_back(serial);
    evictable_ += b.tasks.size();
  }
  finished_.push_back(serial);
}

void batch_book::release(task_ref t) {
  auto* one = find(t);
  if (one == nullptr || one->at == stage::queued || one->at == stage::over)
    return;
  auto& b = batches_.at(t.batch);
  if (one->at == stage::running) {
    --b.slots;
    --slots_;
  }
  one->at = stage::over; // what it still waits for is handed out without a slot
  --b.unreleased;
  --running_;
  stand_in_line(t.batch, b);
  if (b.forgotten && b.unreleased == 0)
    erase(batches_.find(t.batch));
}

void batch_book::cancel(time now, std::uint64_t serial) {
  const auto it = batches_.find(serial);
  if (it == batches_.end() || it->second.state != batch_state::running)
    return;
  auto& b = it->second;
  b.state = batch_state::cancelled;
  b.code = ec::cancelled;
  b.message = "cancelled";
  end_rest(serial, b, ec::cancelled, "the batch was cancelled");
  close(now, serial, b);
}

void batch_book::cancel_all(time now) {
  std::vector<std::uint64_t> open;
  for (const auto& [serial, b] : batches_)
    if (b.state == batch_state::running)
      open.push_back(serial);
  for (const auto serial : open)
    cancel(now, serial);
}

void batch_book::expire(time now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto t = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    const auto it = batches_.find(t.batch);
    if (it == batches_.end() || it->second.state != batch_state::running)
      continue;
    if (t.index != whole_batch) {
      finish(now, t, {ec::deadline_exceeded, "the task's deadline has passed", {}, {}});
      continue;
    }
    auto& b = it->second;
    if (b.strict) {
      b.state = batch_state::failed;
      b.code = ec::deadline_exceeded;
      b.message = "the batch's deadline has passed";
    }
    end_rest(t.batch, b, ec::deadline_exceeded, "the batch's deadline has passed");
    close(now, t.batch, b);
  }
  while (!kept_.empty() && batches_.at(kept_.front()).ended_at + cfg_.keep <= now)
    forget(kept_.front());
}

std::optional<batch_book::time> batch_book::next_wake() const {
  std::optional<time> out;
  if (!deadlines_.empty())
    out = deadlines_.begin()->first;
  if (!kept_.empty()) {
    const auto over = batches_.at(kept_.front()).ended_at + cfg_.keep;
    out = out ? std::min(*out, over) : over;
  }
  return out;
}

// Ended batches that came to their end first leave first.
void batch_book::make_room(std::size_t tasks) {
  while (!kept_.empty() && held_ + tasks > cfg_.max_held)
    forget(kept_.front());
}

void batch_book::forget(std::uint64_t serial) {
  const auto it = batches_.find(serial);
  if (it == batches_.end() || it->second.left > 0 || it->second.forgotten)
    return;
  auto& b = it->second;
  if (const auto name = names_.find(b.id); name != names_.end() && name->second == serial)
    names_.erase(name);
  if (!b.key.empty())
    keys_.erase(b.key);
  if (!b.id.empty()) {
    evictable_ -= b.tasks.size();
    if (kept_.front() == serial)
      kept_.pop_front();
    else
      std::erase(kept_, serial);
  }
  bytes_ -= b.bytes;
  if (b.unreleased > 0)
    b.forgotten = true; // until the last of its slots is free
  else
    erase(it);
}

void batch_book::erase(std::map<std::uint64_t, batch>::iterator it) {
  held_ -= it->second.tasks.size();
  batches_.erase(it);
}

batch_view batch_book::view(std::uint64_t serial, std::size_t offset, std::size_t limit) const {
  const auto& b = batches_.at(serial);
  const auto count = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  batch_view out;
  out.id = b.id;
  out.label = b.label;
  out.state = b.state;
  out.code = b.code;
  out.message = b.message;
  out.tasks = count(b.tasks.size());
  out.queued = count(b.queued);
  out.running = count(b.left - b.queued);
  out.succeeded = count(b.succeeded);
  out.failed = count(b.failed);
  out.cancelled = count(b.cancelled);
  const auto from = std::min(offset, b.tasks.size());
  out.offset = count(from);
  if (b.state == batch_state::running || b.left > 0)
    return out;
  const auto to = from + std::min(limit, b.tasks.size() - from);
  out.results.reserve(to - from);
  for (auto i = from; i < to; ++i)
    out.results.push_back(b.tasks[i].outcome);
  return out;
}

} // namespace troupe
