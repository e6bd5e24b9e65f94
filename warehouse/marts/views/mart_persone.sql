-- Every persona on every scale: the first and the last valid result, and whether the index moved by more than the error.
with

all_scores as (select * from scores),

all_assessments as (select assessment_id, validated_at from assessments),

scales as (select * from mart_scales),

counted as (
    select
        pseudonym,
        instrument,
        scale,
        count(*) as assessments,
        count(*) filter (where is_valid = 1) as results
    from all_scores
    group by pseudonym, instrument, scale
),

placed as (
    select
        all_scores.*,
        row_number() over (
            partition by all_scores.instrument, all_scores.pseudonym, all_scores.scale
            order by all_scores.assessed_on, all_assessments.validated_at, all_scores.assessment_id
        ) as place,
        row_number() over (
            partition by all_scores.instrument, all_scores.pseudonym, all_scores.scale
            order by all_scores.assessed_on desc, all_assessments.validated_at desc, all_scores.assessment_id desc
        ) as place_from_last
    from all_scores
    inner join all_assessments on all_assessments.assessment_id = all_scores.assessment_id
    where all_scores.is_valid = 1
),

firsts as (select * from placed where place = 1),

lasts as (select * from placed where place_from_last = 1),

ends as (
    select
        counted.pseudonym,
        counted.instrument,
        counted.scale,
        counted.assessments,
        counted.results,
        firsts.assessed_on as first_on,
        firsts.version as first_version,
        firsts.points as first_points,
        firsts.reachable as first_reachable,
        firsts.level as first_level,
        lasts.assessed_on as last_on,
        lasts.version as last_version,
        lasts.points as last_points,
        lasts.reachable as last_reachable,
        lasts.level as last_level,
        scales.sem_hundredths,
        -- The difference of two indices, as one fraction of whole numbers.
        cast(lasts.points as hugeint) * firsts.reachable - cast(firsts.points as hugeint) * lasts.reachable as numerator,
        cast(lasts.reachable as hugeint) * firsts.reachable as denominator
    from counted
    left join firsts
        on firsts.instrument = counted.instrument
        and firsts.pseudonym = counted.pseudonym
        and firsts.scale = counted.scale
    left join lasts
        on lasts.instrument = counted.instrument
        and lasts.pseudonym = counted.pseudonym
        and lasts.scale = counted.scale
    left join scales
        on scales.instrument = counted.instrument
        and scales.version = lasts.version
        and scales.scale = counted.scale
),

final as (
    select
        pseudonym,
        instrument,
        scale,
        cast(assessments as bigint) as assessments,
        cast(results as bigint) as results,
        first_on,
        cast(first_version as bigint) as first_version,
        cast(first_points as bigint) as first_points,
        cast(first_reachable as bigint) as first_reachable,
        first_level,
        last_on,
        cast(last_version as bigint) as last_version,
        cast(last_points as bigint) as last_points,
        cast(last_reachable as bigint) as last_reachable,
        last_level,
        -- |Δ| > 1.96 · SEM · √2 (Jacobson and Truax 1991), squared and multiplied out as in `domain::scoring::change`.
        case
            when results < 2 or first_version <> last_version or sem_hundredths is null then 'none'
            when 31250000000 * numerator * numerator
                <= 2401 * cast(sem_hundredths as hugeint) * sem_hundredths * denominator * denominator then 'unchanged'
            when numerator > 0 then 'improved'
            else 'worsened'
        end as change
    from ends
)

select * from final
