// What a page does beyond its forms and links. Without a script everything works, by loading the page again.
import { keepDrafts } from "./drafts.js";
import { follow } from "./live.js";
import { showPreviews } from "./preview.js";

keepDrafts();
showPreviews();
follow();
