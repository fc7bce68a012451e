#include "apps/http/date.hpp"

#include <chrono>
#include <cstddef>

namespace troupe::http {

namespace {

constexpr const char* weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void append_digits(std::string& out, std::int64_t value, int width) {
  std::string digits = std::to_string(value);
  out.append(
    static_cast<std::size_t>(width) - std::min<std::size_t>(static_cast<std::size_t>(width), digits.size()), '0');
  out += digits;
}

} // namespace

std::string http_date(std::int64_t unix_seconds) {
  using namespace std::chrono;
  sys_seconds t{seconds{unix_seconds}};
  auto day = floor<days>(t);
  year_month_day date{day};
  hh_mm_ss time{t - day};
  std::string out = weekdays[weekday{day}.c_encoding()];
  out += ", ";
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += ' ';
  out += months[static_cast<unsigned>(date.month()) - 1];
  out += ' ';
  append_digits(out, static_cast<int>(date.year()), 4);
  out += ' ';
  append_digits(out, time.hours().count(), 2);
  out += ':';
  append_digits(out, time.minutes().count(), 2);
  out += ':';
  append_digits(out, time.seconds().count(), 2);
  return out += " GMT";
}

} // namespace troupe::http
