-- One row per period, strumento, person, characteristic and category; several categories of disadvantage are several rows.
with

latest as (select * from int_latest),

all_disadvantages as (select * from disadvantages),

age_band as (
    select period, instrument, assessment_id, 'age_band' as characteristic,
        case
            when age is null then 'unknown'
            when age < 25 then '0_24'
            when age < 35 then '25_34'
            when age < 45 then '35_44'
            when age < 55 then '45_54'
            when age < 65 then '55_64'
            else '65_plus'
        end as category
    from latest
),

sex as (
    select period, instrument, assessment_id, 'sex' as characteristic, coalesce(sex, 'unknown') as category
    from latest
),

education as (
    select period, instrument, assessment_id, 'education' as characteristic, coalesce(education, 'unknown') as category
    from latest
),

citizenship as (
    select period, instrument, assessment_id, 'citizenship' as characteristic,
        coalesce(citizenship, 'unknown') as category
    from latest
),

household as (
    select period, instrument, assessment_id, 'household' as characteristic, coalesce(household, 'unknown') as category
    from latest
),

work as (
    select period, instrument, assessment_id, 'work' as characteristic, coalesce(work, 'unknown') as category
    from latest
),

disadvantage as (
    select
        latest.period, latest.instrument, latest.assessment_id, 'disadvantage' as characteristic,
        case
            when latest.is_disadvantage_known = 0 then 'unknown'
            else coalesce(all_disadvantages.category, 'none')
        end as category
    from latest
    left join all_disadvantages on all_disadvantages.assessment_id = latest.assessment_id
),

final as (
    select * from age_band
    union all select * from sex
    union all select * from education
    union all select * from citizenship
    union all select * from household
    union all select * from work
    union all select * from disadvantage
)

select * from final
