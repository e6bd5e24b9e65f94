-- Every assessment that counts, with what whoever looks at them derives each time.
with

all_assessments as (select * from assessments),

missing as (select * from int_missing),

results as (
    select
        assessment_id,
        count(*) filter (where is_valid = 1) as results,
        count(*) filter (where is_valid = 0) as results_not_valid
    from scores
    group by assessment_id
),

placed as (
    select
        *,
        row_number() over (partition by instrument, pseudonym order by assessed_on, validated_at, assessment_id) as place,
        count(*) over (partition by instrument, pseudonym) as places,
        lag(assessed_on) over (
            partition by instrument, pseudonym
            order by assessed_on, validated_at, assessment_id
        ) as previous_on
    from all_assessments
),

final as (
    select
        placed.pseudonym,
        placed.assessment_id,
        placed.instrument,
        cast(placed.version as bigint) as version,
        placed.assessed_on,
        cast(extract(year from placed.assessed_on) as bigint) as year,
        cast(extract(quarter from placed.assessed_on) as bigint) as quarter,
        cast(placed.place as bigint) as place,
        cast(case when placed.place = 1 then 1 else 0 end as bigint) as is_first,
        cast(case when placed.place = placed.places then 1 else 0 end as bigint) as is_last,
        cast(placed.assessed_on - placed.previous_on as bigint) as days_since_previous,
        placed.comune,
        placed.unita,
        cast(placed.age as bigint) as age,
        case
            when placed.age is null then 'unknown'
            when placed.age < 25 then '0_24'
            when placed.age < 35 then '25_34'
            when placed.age < 45 then '35_44'
            when placed.age < 55 then '45_54'
            when placed.age < 65 then '55_64'
            else '65_plus'
        end as age_band,
        placed.sex,
        placed.education,
        placed.citizenship,
        placed.household,
        placed.work,
        cast(placed.is_disadvantage_known as bigint) as is_disadvantage_known,
        placed.profile,
        placed.evaluation,
        placed.evaluation_profile,
        placed.origin,
        cast(floor((placed.validated_at - placed.started_at) / 86400) as bigint) as days_to_validation,
        cast(placed.count_items as bigint) as items_asked,
        cast(placed.count_answered as bigint) as answered,
        cast(coalesce(missing.not_answered, 0) as bigint) as not_answered,
        cast(coalesce(missing.not_assessable, 0) as bigint) as not_assessable,
        cast(coalesce(missing.refused, 0) as bigint) as refused,
        cast(coalesce(results.results, 0) as bigint) as results,
        cast(coalesce(results.results_not_valid, 0) as bigint) as results_not_valid
    from placed
    left join missing on missing.assessment_id = placed.assessment_id
    left join results on results.assessment_id = placed.assessment_id
)

select * from final
