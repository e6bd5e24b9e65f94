-- What an assessment can come to, each under a number: the levels on each scale, the classes of the profile, and `people`.
with

all_assessments as (select * from assessments),

all_scores as (select * from scores),

with_profile as (select distinct instrument from ref_instruments where has_profile = 1),

named as (
    select distinct scale as target,
        case when is_valid = 0 then 'not_valid' else coalesce(level, 'none') end as outcome
    from all_scores
    union
    select 'profile' as target, coalesce(all_assessments.profile, 'not_valid') as outcome
    from all_assessments
    inner join with_profile on with_profile.instrument = all_assessments.instrument
    union
    select 'people' as target, 'all' as outcome
),

final as (
    select cast(row_number() over (order by target, outcome) as integer) as cell, target, outcome
    from named
)

select * from final
