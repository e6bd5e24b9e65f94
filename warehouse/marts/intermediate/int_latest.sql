-- One row per period, strumento and person: what marts ask of their last assessment in the period. Of all years it is the
-- last of the last year, so that the long list is sorted once.
with

all_assessments as (select * from assessments),

ranked as (
    select
        *,
        cast(extract(year from assessed_on) as varchar) as period,
        row_number() over (
            partition by instrument, pseudonym, extract(year from assessed_on)
            order by assessed_on desc, validated_at desc, assessment_id desc
        ) as place
    from all_assessments
),

of_years as (
    select
        period, instrument, pseudonym, version, assessment_id, age, is_disadvantage_known,
        coalesce(comune, 'unknown') as comune,
        case
            when age is null then 'unknown'
            when age < 25 then '0_24'
            when age < 35 then '25_34'
            when age < 45 then '35_44'
            when age < 55 then '45_54'
            when age < 65 then '55_64'
            else '65_plus'
        end as age_band,
        coalesce(sex, 'unknown') as sex,
        coalesce(education, 'unknown') as education,
        coalesce(citizenship, 'unknown') as citizenship,
        coalesce(household, 'unknown') as household,
        coalesce(work, 'unknown') as work
    from ranked
    where place = 1
),

ranked_years as (
    select *, row_number() over (partition by instrument, pseudonym order by period desc) as place
    from of_years
),

final as (
    select
        period, instrument, pseudonym, version, assessment_id, comune, age, age_band, sex, education, citizenship,
        household, work, is_disadvantage_known
    from of_years
    union all
    select
        'all' as period, instrument, pseudonym, version, assessment_id, comune, age, age_band, sex, education,
        citizenship, household, work, is_disadvantage_known
    from ranked_years
    where place = 1
)

select * from final
