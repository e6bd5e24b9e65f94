-- One row per period, strumento and person: what marts ask of their last assessment in the period. Of all years it is the
-- last of the last year.
with

all_assessments as (select * from assessments),

lasts as (select assessment_id, year, is_last from int_placed where is_last_of_year),

of_years as (
    select
        cast(lasts.year as varchar) as period,
        lasts.is_last,
        all_assessments.instrument,
        all_assessments.pseudonym,
        all_assessments.version,
        all_assessments.assessment_id,
        all_assessments.age,
        all_assessments.is_disadvantage_known,
        coalesce(all_assessments.comune, 'unknown') as comune,
        case
            when all_assessments.age is null then 'unknown'
            when all_assessments.age < 25 then '0_24'
            when all_assessments.age < 35 then '25_34'
            when all_assessments.age < 45 then '35_44'
            when all_assessments.age < 55 then '45_54'
            when all_assessments.age < 65 then '55_64'
            else '65_plus'
        end as age_band,
        coalesce(all_assessments.sex, 'unknown') as sex,
        coalesce(all_assessments.education, 'unknown') as education,
        coalesce(all_assessments.citizenship, 'unknown') as citizenship,
        coalesce(all_assessments.household, 'unknown') as household,
        coalesce(all_assessments.work, 'unknown') as work
    from lasts
    inner join all_assessments on all_assessments.assessment_id = lasts.assessment_id
),

final as (
    select * exclude (is_last) from of_years
    union all
    select * exclude (is_last) replace ('all' as period) from of_years where is_last
)

select * from final
