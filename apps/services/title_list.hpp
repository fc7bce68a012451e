// GET /api/v3/books/search?q&limit&cursor&fields&force (S0-54): a search that can be read to its end.
//
// The providers page for themselves, each in its own order. A page of theirs is merged whole and cached; what a reader
// has not had of it yet is the beginning of its next page, so that nothing is cut off. A book that another provider had
// on an earlier page is left out: the earlier pages are looked at again, in the cache. A reader whose earlier pages are
// in no tier any more is told to begin anew (410) rather than having them all fetched once more.
#pragma once

#include "apps/services/lookups.hpp"

namespace troupe {

/// One such request on its way.
struct title_list_request {
  session_ptr self;
  std::shared_ptr<const book_services> books;
  call_ref call;
  call_head head;
  fields query;
  std::function<void(service_response&&)> done;
};

/// Answers with the envelope of the last page that was read, with `data` (`limit` books, fewer only where the list or
/// the time for it ends), `next` (null at the end) and `cut`: something is missing, because the list goes on behind
/// the last page that is read of it or because a provider did not answer for a page.
void list_titles(title_list_request request);

} // namespace troupe
