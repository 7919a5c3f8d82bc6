// What scripts add to the pages. Without them everything works by loading the page again.
import { keepDrafts } from "./drafts.js";
import { follow } from "./live.js";
import { showPreviews } from "./preview.js";

keepDrafts();
showPreviews();
follow();
