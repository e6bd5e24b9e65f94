-- One row per assessment and target: what it comes to, as its number in `int_outcome_names`. A number is joined and counted
-- several times faster than two texts.
with

all_assessments as (select * from assessments),

all_scores as (select * from scores),

names as (select * from int_outcome_names),

with_profile as (select distinct instrument from ref_instruments where has_profile = 1),

levels as (
    select all_scores.assessment_id, names.cell
    from all_scores
    inner join names
        on names.target = all_scores.scale
        and names.outcome = case when all_scores.is_valid = 0 then 'not_valid' else coalesce(all_scores.level, 'none') end
),

profiles as (
    select all_assessments.assessment_id, names.cell
    from all_assessments
    inner join with_profile on with_profile.instrument = all_assessments.instrument
    inner join names on names.target = 'profile' and names.outcome = coalesce(all_assessments.profile, 'not_valid')
),

people as (
    select all_assessments.assessment_id, names.cell
    from all_assessments
    inner join names on names.target = 'people'
),

final as (
    select * from levels
    union all select * from profiles
    union all select * from people
)

select * from final
