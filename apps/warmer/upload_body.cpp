#include "apps/warmer/upload_body.hpp"

#include "apps/warmer/unpack.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t longest_library_name = 64;
constexpr std::size_t gzip_magic = 2;

} // namespace

void held_bytes::add(std::int64_t change) noexcept {
  const auto sum = now_.fetch_add(change, std::memory_order_relaxed) + change;
  auto most = most_.load(std::memory_order_relaxed);
  while (sum > most && !most_.compare_exchange_weak(most, sum, std::memory_order_relaxed)) {
  }
}

bool is_library_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_'
           || c == '-';
  };
  return !name.empty() && name.size() <= longest_library_name && std::all_of(name.begin(), name.end(), allowed);
}

result<std::string> checked_library_name(std::string_view name) {
  if (!is_library_name(name))
    return fail(ec::bad_request, "library: expected 1 to 64 letters, digits, '.', '_' and '-'");
  return std::string{name};
}

upload_body::upload_body(held_bytes& all_held, const std::string& boundary) : all_held_{all_held} {
  if (boundary.empty())
    file_ = file{};
  else
    form_.emplace(boundary, static_cast<http::part_consumer&>(*this));
}

upload_body::~upload_body() {
  all_held_.add(-static_cast<std::int64_t>(held()));
}

void upload_body::when_ready(std::function<void()> fn) {
  const std::lock_guard guard{mutex_};
  ready_ = std::move(fn);
}

void upload_body::begin(http::body_flow flow) {
  const std::lock_guard guard{mutex_};
  flow_ = std::move(flow);
}

void upload_body::on_part(std::string_view bytes) {
  std::unique_lock lock{mutex_};
  if (failed_)
    return; // the answer is on its way
  owed_ += bytes.size();
  if (!form_)
    keep(bytes);
  else if (const auto fed = form_->feed(bytes); !fed)
    fail_with(fed.error());
  const auto more = failed_ ? 0 : to_grant();
  const auto flow = flow_;
  const auto tell = news();
  lock.unlock();
  changed_.notify_all();
  flow.grant(more);
  if (tell)
    tell();
}

void upload_body::on_end(http::body_end how) {
  std::function<void()> tell;
  {
    const std::lock_guard guard{mutex_};
    end_ = how;
    if (how == http::body_end::complete && form_) {
      if (const auto whole = form_->finish(); !whole)
        fail_with(whole.error());
      else if (!file_)
        fail_with({ec::bad_request, "form: expected a part with a file name"});
    }
    tell = news();
  }
  changed_.notify_all();
  if (tell)
    tell();
}

void upload_body::on_part(const http::part_head& head) {
  if (head.filename && !file_) {
    file_ = file{std::string{*head.filename}, std::string{head.type}, field_, false};
    within_ = within::file;
  } else if (head.name == "library") {
    if (file_)
      fail_with({ec::bad_request, "library: expected before the file in the form"});
    field_.clear();
    within_ = within::library;
  } else {
    within_ = within::other;
  }
}

void upload_body::on_bytes(std::string_view bytes) {
  if (failed_)
    return;
  if (within_ == within::file)
    keep(bytes);
  else if (within_ == within::library)
    field_ += bytes.substr(0, longest_library_name + 1 - std::min(field_.size(), longest_library_name + 1));
}

void upload_body::on_part_end() {
  if (within_ == within::library)
    if (const auto name = checked_library_name(field_); !name)
      fail_with(name.error());
  within_ = within::nothing;
}

void upload_body::keep(std::string_view bytes) {
  if (taken_ > 0 && taken_ >= bytes_.size() / 2) {
    bytes_.erase(0, taken_);
    taken_ = 0;
  }
  bytes_ += bytes;
  all_held_.add(static_cast<std::int64_t>(bytes.size()));
}

// What has arrived and is not held any more. A delimiter's beginning that turned out to be content is held without
// having been counted again: at most its length, and less than nothing is nothing.
std::size_t upload_body::to_grant() noexcept {
  const auto more = owed_ - std::min(owed_, held());
  owed_ -= more;
  return more;
}

void upload_body::fail_with(error why) {
  if (!failed_)
    failed_ = std::move(why);
}

std::optional<error> upload_body::trouble() const {
  if (failed_)
    return failed_;
  if (end_ && *end_ != http::body_end::complete)
    return error{ec::cancelled, "the body has not arrived whole"};
  return std::nullopt;
}

bool upload_body::is_ready() const {
  return failed_ || end_ || (file_ && held() >= gzip_magic);
}

// Whom to tell that the file is here, the first time that it is.
std::function<void()> upload_body::news() {
  return is_ready() ? std::exchange(ready_, nullptr) : nullptr;
}

result<upload_body::file> upload_body::wait_for_file() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return is_ready(); });
  if (auto why = trouble())
    return boost::outcome_v2::failure(std::move(*why));
  if (held() == 0)
    return fail(ec::bad_request, "the upload is empty");
  file_->gzip = is_gzip(std::string_view{bytes_}.substr(taken_));
  return *file_;
}

result<std::size_t> upload_body::read(std::span<char> buffer) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return failed_ || end_ || held() > 0; });
  if (auto why = trouble())
    return boost::outcome_v2::failure(std::move(*why));
  const auto n = std::min(buffer.size(), held());
  if (n == 0)
    return n;
  std::memcpy(buffer.data(), bytes_.data() + taken_, n);
  taken_ += n;
  if (held() == 0) {
    bytes_.clear();
    taken_ = 0;
  }
  all_held_.add(-static_cast<std::int64_t>(n));
  const auto more = to_grant();
  const auto flow = flow_;
  lock.unlock();
  flow.grant(more);
  return n;
}

void upload_body::stop(error why) {
  {
    const std::lock_guard guard{mutex_};
    fail_with(std::move(why));
  }
  changed_.notify_all();
}

std::optional<http::body_end> upload_body::ended() const {
  const std::lock_guard guard{mutex_};
  return end_;
}

} // namespace troupe
