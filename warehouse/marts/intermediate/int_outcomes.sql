-- One row per assessment and target: the level on each scale, the class of the profile, and the person as such.
with

all_assessments as (select * from assessments),

all_scores as (select * from scores),

with_profile as (select distinct instrument from ref_instruments where has_profile = 1),

levels as (
    select assessment_id, scale as target,
        case when is_valid = 0 then 'not_valid' else coalesce(level, 'none') end as outcome
    from all_scores
),

profiles as (
    select all_assessments.assessment_id, 'profile' as target, coalesce(all_assessments.profile, 'not_valid') as outcome
    from all_assessments
    inner join with_profile on with_profile.instrument = all_assessments.instrument
),

people as (
    select assessment_id, 'people' as target, 'all' as outcome
    from all_assessments
),

final as (
    select * from levels
    union all select * from profiles
    union all select * from people
)

select * from final
