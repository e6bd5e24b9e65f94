-- What is not known of the people assessed, and what of the answers.
with

all_assessments as (select *, extract(year from assessed_on) as year from assessments),

all_scores as (select *, extract(year from assessed_on) as year from scores),

of_scores as (
    select year, instrument, count(*) as results, count(*) filter (where is_valid = 0) as results_not_valid
    from all_scores
    group by grouping sets ((year, instrument), (instrument))
),

counted as (
    select
        year,
        instrument,
        count(*) as assessments,
        count(*) filter (where origin = 'import') as imported,
        count(*) filter (where evaluation = 'absent') as evaluation_absent,
        count(*) filter (where comune is null) as comune_unknown,
        count(*) filter (where age is null) as age_unknown,
        count(*) filter (where sex is null) as sex_unknown,
        count(*) filter (where education is null) as education_unknown,
        count(*) filter (where citizenship is null) as citizenship_unknown,
        count(*) filter (where household is null) as household_unknown,
        count(*) filter (where work is null) as work_unknown,
        count(*) filter (where is_disadvantage_known = 0) as disadvantage_unknown,
        sum(count_items) as items_asked,
        sum(count_items - count_answered) as items_missing
    from all_assessments
    group by grouping sets ((year, instrument), (instrument))
),

final as (
    select
        coalesce(cast(counted.year as varchar), 'all') as period,
        counted.instrument,
        cast(counted.assessments as bigint) as assessments,
        cast(counted.imported as bigint) as imported,
        cast(counted.evaluation_absent as bigint) as evaluation_absent,
        cast(counted.comune_unknown as bigint) as comune_unknown,
        cast(counted.age_unknown as bigint) as age_unknown,
        cast(counted.sex_unknown as bigint) as sex_unknown,
        cast(counted.education_unknown as bigint) as education_unknown,
        cast(counted.citizenship_unknown as bigint) as citizenship_unknown,
        cast(counted.household_unknown as bigint) as household_unknown,
        cast(counted.work_unknown as bigint) as work_unknown,
        cast(counted.disadvantage_unknown as bigint) as disadvantage_unknown,
        cast(counted.items_asked as bigint) as items_asked,
        cast(counted.items_missing as bigint) as items_missing,
        cast(coalesce(of_scores.results, 0) as bigint) as results,
        cast(coalesce(of_scores.results_not_valid, 0) as bigint) as results_not_valid
    from counted
    left join of_scores
        on coalesce(of_scores.year, 0) = coalesce(counted.year, 0)
        and of_scores.instrument = counted.instrument
)

select * from final
order by period, instrument
