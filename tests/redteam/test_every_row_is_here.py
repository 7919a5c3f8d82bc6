"""The table of attacks and faults, row by row: which tests show it, as pytest collects them.

A test that is renamed or gone breaks this one. To add a row, write a line: its number, and the
names of its tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.operations.drill.run import ATTACKS

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = (
    "adapters/test_limits",
    "broker/test_program",
    "cli/test_errors",
    "cli/test_outcomes",
    "error_intake/test_bounds",
    "factory/intake/test_error_issues",
    "deployers/test_github",
    "factory/policy_gate/test_trust",
    "factory/releases/test_advance",
    "factory/releases/test_disorder",
    "factory/test_kill_everywhere",
    "factory/watch/test_tip",
    "factory/workflows/test_approvals",
    "factory/workflows/test_effects",
    "scenarios/test_disorder",
    "scenarios/test_kill_points",
    "validators/browser/test_browser",
    "validators/browser/test_calls",
    "validators/browser/test_wire",
    "validators/driver/test_evil_apps",
    "validators/language/test_language",
    "validators/performance/test_performance",
    "validators_launcher/app/test_app",
    "validators_launcher/judging/test_judging",
    "validators_launcher/judging/test_killed",
    "validators_launcher/authoring/test_proving_folders",
    "validators_launcher/judging/test_regression",
    "validators_launcher/test_store",
    "validators/browser/test_visitors",
)
"""Files outside of this folder in which rows are shown as well."""
ROWS: dict[int, tuple[str, ...]] = {
    1: (
        "test_row_1_who_is_obeyed_still_changes_neither_policy_nor_rights_nor_production",
        "test_row_1_an_answer_that_a_stranger_ordered_is_held_to_the_contract",
    ),
    2: ("test_row_2_a_title_is_a_string_in_one_slot_and_runs_nowhere",),
    3: (
        (
            "test_rows_3_5_6_what_the_page_does_not_show_orders_nothing_and_is_on_record[row 3"
            " comment]"
        ),
    ),
    4: (
        "test_row_4_no_character_that_is_printed_controls_a_terminal",
        "test_row_4_json_holds_the_same_data_and_controls_no_terminal",
        "test_row_4_a_question_shows_its_default_as_text_and_answers_with_it_whole",
        "test_row_4_a_title_controls_no_terminal_and_is_no_row_of_ours",
    ),
    5: ("test_row_5_nothing_that_cannot_be_seen_is_read",),
    6: (
        "test_rows_3_5_6_what_the_page_does_not_show_orders_nothing_and_is_on_record[row 6 image]",
    ),
    7: ("test_row_7_no_address_and_no_image_of_a_model_reaches_a_page",),
    8: ("test_row_8_what_is_folded_or_quoted_is_named_as_such",),
    9: ("test_row_9_no_text_closes_the_envelope_it_is_in",),
    11: ("test_row_11_an_address_in_an_issue_is_never_fetched",),
    12: (
        "test_row_12_a_body_that_changes_under_the_work_is_not_the_body_that_lands",
        "test_row_12_an_edit_after_triage_is_triaged_again_whoever_made_it",
        "test_row_12_a_command_that_was_edited_after_it_was_obeyed_is_obeyed_no_second_time",
    ),
    13: (
        "test_row_13_a_strangers_comment_is_in_no_context",
        "test_row_13_who_may_not_write_steers_nothing_whatever_the_page_calls_them",
    ),
    15: (
        "test_row_15_an_app_is_no_person_whatever_it_may_write",
        "test_row_15_no_bot_gives_a_command_whatever_it_may_write",
        "test_row_15_who_takes_a_maintainers_old_name_has_none_of_their_rights",
    ),
    16: ("test_row_16_a_thousand_issues_of_one_account_cost_a_few_calls_and_nobody_else_waits",),
    17: ("test_row_17_a_thousand_accounts_with_one_issue_each_do_not_get_past_the_day",),
    18: ("test_row_18_fifty_rewordings_lead_to_one_run",),
    20: (
        "test_row_20_a_forged_label_moves_nothing_and_is_taken_off",
        "test_row_20_labels_of_a_triager_and_of_somebodys_app_move_nothing_and_are_put_right",
    ),
    21: (
        "test_row_21_a_label_that_was_stripped_is_put_back_and_the_halt_stays",
        "test_row_21_a_stranger_who_closes_their_own_issue_ends_it_and_can_not_restart_it_by_opening_it",
    ),
    23: ("test_row_23_a_giant_is_cut_with_a_mark_before_a_model_is_asked",),
    24: ("test_row_24_no_name_in_an_issue_names_a_branch_or_a_path",),
    25: ("test_row_25_no_title_or_claim_closes_another_issue",),
    26: ("test_row_26_work_for_one_issue_closes_no_other",),
    28: (
        "test_row_28_a_branch_of_a_fork_with_our_branchs_name_is_not_ours",
        "test_row_28_a_proposal_that_comes_from_elsewhere_is_not_judged",
        "test_row_28_a_strangers_pull_request_is_no_issue_and_a_fork_with_our_branchs_name_is_not_ours",
    ),
    29: ("test_row_29_what_another_account_pushes_to_our_branch_is_not_judged",),
    31: ("test_row_31_a_change_of_more_than_is_read_is_unknown_and_so_refused",),
    32: ("test_row_32_a_file_that_attributes_call_binary_is_counted_line_by_line",),
    34: ("test_row_34_nothing_is_unpacked",),
    36: ("test_row_36_what_was_not_asked_for_does_not_hide_in_a_change",),
    37: ("[row 37: the expected value]",),
    38: ("test_row_38_a_test_that_is_renamed_away_is_lost",),
    40: (
        "test_row_40_a_skip_is_seen_when_it_runs_and_in_the_text",
        "[row 40: a plugin by pytest.ini]",
    ),
    41: ("[row 41: a conftest at the root]", "[row 41: a conftest beside the tests]"),
    43: ("test_a_known_miss_code_under_test_that_lies_from_within_is_believed",),
    46: ("test_row_46_a_golden_file_that_is_regenerated_is_the_bases_again",),
    47: ("test_row_47_an_app_that_knows_the_visible_examples_fails",),
    48: (
        "test_row_48_what_is_not_kept_for_everybody_fails",
        "test_a_toast_that_stores_nothing_fails_in_public_words",
    ),
    49: ("test_row_49_an_app_that_refuses_nothing_is_not_passed",),
    50: ("test_a_change_that_breaks_what_was_fixed_before_fails_in_the_missions_words",),
    51: (
        "test_row_51_a_page_that_asks_who_is_looking_fails",
        "test_row_51_a_mark_in_a_page_is_borne_by_one_visitor_alone",
    ),
    52: (
        "test_row_52_a_server_that_asks_who_is_looking_fails",
        "test_row_52_an_api_that_asks_who_is_calling_is_caught_so_often",
        "test_an_app_that_looks_who_is_watching_fails",
        "test_an_app_may_have_answered_before_its_visitor_comes",
        "test_only_the_masked_visitor_of_a_journey_comes_to_an_app_that_was_asked_before",
    ),
    54: ("test_the_app_sees_its_allow_list_and_nothing_else",),
    59: (
        "test_row_59_a_mark_of_a_request_is_borne_by_one_visitor_alone",
        "test_both_visitors_live_in_the_surroundings_of_the_run_and_on_a_trusted_page",
    ),
    61: (
        "test_an_intruder_in_the_runs_sandbox_finds_nothing",
        "test_the_intruder_would_find_what_is_there_to_be_found",
        "test_rows_61_64_and_69_what_one_sandbox_leaves_is_in_no_other_beside_it_or_after_it",
    ),
    62: (
        "test_an_intruder_in_the_runs_sandbox_finds_nothing",
        "test_in_one_sandbox_the_intruder_finds_what_the_litterer_has_left",
    ),
    64: (
        "test_rows_61_64_and_69_what_one_sandbox_leaves_is_in_no_other_beside_it_or_after_it",
        "test_nothing_that_leaves_carries_a_step_a_selector_or_a_value",
    ),
    67: (
        "test_row_67_a_canary_in_any_spelling_stops_everything",
        "test_a_journey_in_the_candidate_stops_the_judgement",
        "test_a_canary_in_any_object_of_the_repository_stops_everything",
    ),
    68: ("test_row_68_a_page_gets_no_file_of_the_judges", "test_a_file_cannot_be_opened"),
    69: (
        "test_rows_61_64_and_69_what_one_sandbox_leaves_is_in_no_other_beside_it_or_after_it",
        "test_two_sessions_at_once_are_distinguished_by_their_sockets",
    ),
    70: ("test_row_70_what_steers_the_factory_is_not_the_factorys_to_edit_at_any_depth",),
    71: ("test_row_71_a_name_that_only_looks_like_it_is_the_same_name",),
    72: ("test_row_72_a_rename_touches_what_it_renames",),
    74: ("test_row_74_a_submodule_with_a_command_does_not_even_come_in",),
    77: ("test_rows_77_and_78_nothing_that_is_planted_in_a_run_is_ever_run_by_us",),
    78: ("test_rows_77_and_78_nothing_that_is_planted_in_a_run_is_ever_run_by_us",),
    80: ("test_row_80_what_is_tested_is_the_tree_and_not_what_an_archive_would_hold",),
    82: ("test_row_82_a_conflict_is_a_stop_though_the_base_itself_asks_for_a_union",),
    84: ("test_row_84_what_runs_when_somebody_installs_is_a_dependency",),
    85: ("test_row_85_a_misspelt_name_is_refused_and_the_right_one_is_named",),
    86: ("test_row_84_what_runs_when_somebody_installs_is_a_dependency",),
    87: ("test_row_87_a_canary_does_not_leave_in_a_change",),
    88: (
        "test_an_app_that_sends_its_secrets_reaches_no_sink",
        "test_a_page_that_sends_its_secrets_reaches_no_sink",
    ),
    89: (
        "test_row_89_an_actor_that_obeys_a_page_makes_nothing_pass",
        "test_row_89_there_is_no_act_that_claims_more_than_done",
    ),
    90: (
        "test_row_90_a_judge_that_obeys_what_only_one_sense_can_read_agrees_to_nothing",
        "test_row_90_a_judge_that_obeys_with_every_sense_flips_no_assertion_that_failed",
    ),
    92: ("test_a_bomb_is_stopped_and_leaves_the_host_as_it_was",),
    94: ("test_row_94_a_fix_that_always_fails_ends_and_an_edit_in_a_loop_costs_a_bounded_sum",),
    95: (
        "test_row_95_nothing_lands_but_what_was_judged_on_what_is_there",
        "test_row_95_only_the_named_apps_check_on_the_very_candidate_opens_the_gate",
    ),
    96: (
        "test_row_96_a_change_is_judged_again_on_the_base_that_moved",
        "test_row_96_over_http_too",
        "test_row_96_two_changes_good_alone_and_broken_together_meet_the_judge_together",
        "test_row_96_a_base_that_moves_within_the_forges_own_merge_freezes_and_is_taken_back",
    ),
    99: (
        "test_killed_before_every_side_effect_it_ends_as_if_nothing_had_happened",
        "test_row_99_killed_at_each_act_there_is_one_of_each",
        "test_every_write_fails_once_and_nothing_is_lost_or_doubled",
        "test_row_99_a_forge_that_fails_after_it_did_what_was_asked_gets_no_second_one",
    ),
    100: (
        "test_row_100_an_event_that_comes_twice_is_handled_once",
        "test_row_100_over_http_too",
        "test_row_100_six_events_in_any_order_come_to_one_end",
    ),
    102: (
        "test_row_102_a_rate_limit_in_any_form_is_reported_at_once_and_waited_for_within_bounds",
        "test_every_write_fails_once_and_nothing_is_lost_or_doubled[secondary-limit]",
        "test_every_write_fails_once_and_nothing_is_lost_or_doubled[too-many]",
    ),
    107: ("test_row_107_a_full_disk_loses_nothing_that_was_written",),
    109: (
        "test_row_109_what_landed_and_is_not_what_was_judged_halts_everything",
        "test_row_109_a_landing_that_turns_main_red_is_taken_back_once_and_everything_halts",
    ),
    110: (
        "test_row_110_after_the_owners_stop_nothing_is_written_on_the_forge",
        "test_row_110_stopped_after_each_act_no_other_follows",
        "test_row_110_a_stop_while_checks_are_waited_for_holds_back_the_landing_and_the_sweep",
    ),
    116: (
        "test_whoever_has_a_dsn_takes_no_release_back",
        "test_what_a_dsn_reports_of_a_release_with_the_fix_is_triaged_first",
        "test_row_116_without_the_key_of_this_project_nothing_is_taken",
        "test_row_116_what_is_over_the_bound_is_never_unpacked",
        "test_row_116_no_more_than_a_days_cap_is_filed_and_the_rest_the_next_day",
    ),
    121: (
        "test_without_a_grant_it_is_refused_when_it_is_read_with_the_rule_to_write",
        "test_a_grant_that_was_taken_back_holds_for_a_run_that_began_before",
    ),
    122: (
        "test_nobody_with_less_lets_it_go_on",
        "test_an_app_lets_nothing_go_on",
        "test_an_answer_after_its_time_is_none_though_nobody_looked_before",
    ),
    123: (
        "test_the_landing_that_broke_it_is_named_and_its_issue_is_worked_on_again",
        "test_a_mend_that_mends_nothing_is_tried_so_often_and_then_a_persons",
        "test_other_changes_of_the_files_wait_until_it_works_again",
    ),
    124: (
        "test_a_fresh_repository_merges_nothing_alone",
        "test_a_landing_taken_back_takes_a_level_and_a_newer_grant_gives_it_again",
        "test_in_shadow_a_person_lands_it_and_both_are_compared",
        "test_a_person_with_the_right_lands_what_they_looked_at",
        "test_an_issues_words_raise_no_level",
        "test_a_revert_after_the_gate_is_seen_at_the_step_that_cannot_be_undone",
    ),
    125: (
        "test_a_red_smoke_holds_the_release_and_what_was_there_is_served_again",
        "test_what_turns_red_in_production_is_taken_back_and_frozen_until_its_issue_lands",
        "test_a_deployment_to_staging_that_changes_production_is_taken_back_there",
        "test_errors_of_the_release_take_it_back_and_those_of_another_do_not",
    ),
    126: (
        "test_no_deployer_is_believed",
        "test_a_deployer_whose_look_lies_as_well_is_found_out_by_what_the_place_answers",
        "test_a_staging_that_answers_as_production_is_held_at_once",
        "test_a_status_of_another_app_is_nothing",
        "test_a_smoke_that_another_key_signed_or_of_another_place_is_no_yes",
    ),
    127: (
        "test_the_stop_is_honoured_before_a_deployment_and_before_a_switch",
        "test_the_stop_holds_back_a_rollback_that_has_not_begun",
        "test_a_rollback_that_has_begun_is_finished_after_the_stop",
        "test_killed_at_every_effect_of_a_release_each_decision_is_deployed_once",
    ),
}
BAD_INPUT: dict[str, tuple[str, ...]] = {
    "a journey with an unknown verb": ("test_what_is_not_in_the_language_is_refused_by_line",),
    "an ambiguous locator": (
        "test_an_ambiguous_look_proves_nothing",
        "test_what_cannot_be_done_names_the_reason",
    ),
    "a twin that passes": ("test_what_each_app_comes_to[accepts-all]",),
    "a proof older than the journey": ("test_a_proof_is_of_one_journey_and_one_pair_of_trees",),
    "an app that hangs": (
        "test_what_each_app_comes_to[hangs]",
        "test_what_each_app_comes_to[hangs-from-the-start]",
        "test_what_each_app_comes_to[spins]",
        "test_a_judgement_that_takes_too_long_is_stopped_and_inconclusive",
    ),
    "an app that redirects for ever": (
        "test_what_each_app_comes_to[redirects]",
        "test_redirects_are_followed_only_where_the_journey_says_so",
    ),
    "an app that serves 100 MB": ("test_what_each_app_comes_to[floods]",),
    "an app that opens dialogs and downloads": (
        "test_what_each_app_comes_to[pesters]",
        "test_dialogs_downloads_and_popups_do_not_stop_a_person",
    ),
    "an app that dies half-way": (
        "test_what_each_app_comes_to[dies-half-way]",
        "test_an_answer_that_breaks_off_is_the_apps_failure",
        "test_an_app_that_ends_at_once_is_inconclusive_and_its_last_words_are_sealed",
    ),
    "a judge killed at any moment": (
        "test_a_judge_killed_at_any_moment_leaves_no_verdict_no_process_and_its_evidence",
    ),
}
"""What the judge is given that is wrong, or goes wrong under it: never passed, and each with its
tests."""


@pytest.fixture(scope="module")
def collected(whole):
    """The ids of the tests of the files that show rows, by pytest itself: of `make test`, or
    all."""
    asked = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        *(["--soak"] if whole else []),
        "tests/redteam",
        *(f"tests/{file}.py" for file in ELSEWHERE),
    ]
    plain = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    done = subprocess.run(
        asked, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False, env=plain
    )
    return [line.split("::", 1)[1] for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.parametrize("table", [ROWS, BAD_INPUT], ids=["rows", "bad input"])
def test_each_row_has_its_tests(collected, whole, table) -> None:
    """In `make soak` each test that a row names is there; `make test` runs one of each row at
    least."""

    def is_there(name) -> bool:
        return any(
            one == name or one.startswith(f"{name}[") or (name[0] == "[" and one.endswith(name))
            for one in collected
        )

    missing = {row: [name for name in names if not is_there(name)] for row, names in table.items()}
    assert {
        row: names
        for row, names in missing.items()
        if names and (whole or len(names) == len(table[row]))
    } == {}


def test_no_row_is_without_a_test() -> None:
    assert all(ROWS.values())
    assert all(BAD_INPUT.values())


def test_the_drill_samples_rows_that_there_are() -> None:
    assert {row for attack in ATTACKS for row in attack.rows} <= ROWS.keys()


def test_the_page_of_attacks_lists_the_same_rows() -> None:
    page = (ROOT / "docs" / "attacks.md").read_text("utf-8")
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == set(ROWS)
