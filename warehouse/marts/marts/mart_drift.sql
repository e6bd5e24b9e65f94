-- The indices that each operator finds beside those of the whole Ente: what moves from year to year is the operator, the people
-- assessed, or both.
with

all_assessments as (select * from assessments),

valid_scores as (select * from scores where is_valid = 1),

results as (
    select
        extract(year from valid_scores.assessed_on) as year,
        all_assessments.operator,
        all_assessments.instrument,
        valid_scores.scale,
        valid_scores.index_tenths
    from valid_scores
    inner join all_assessments on all_assessments.assessment_id = valid_scores.assessment_id
),

of_operators as (
    select
        year, operator, instrument, scale, count(*) as results, sum(index_tenths) as sum_tenths,
        sum(index_tenths * index_tenths) as sum_squares
    from results
    group by grouping sets ((year, operator, instrument, scale), (operator, instrument, scale))
),

of_ente as (
    select
        year, instrument, scale, sum(results) as results, sum(sum_tenths) as sum_tenths, sum(sum_squares) as sum_squares
    from of_operators
    group by year, instrument, scale
),

final as (
    select
        coalesce(cast(of_operators.year as varchar), 'all') as period,
        of_operators.operator,
        of_operators.instrument,
        of_operators.scale,
        cast(of_operators.results as bigint) as results,
        cast(of_operators.sum_tenths as bigint) as sum_tenths,
        cast(of_ente.results as bigint) as ente_results,
        cast(of_ente.sum_tenths as bigint) as ente_sum_tenths,
        cast(of_ente.sum_squares as bigint) as ente_sum_squares
    from of_operators
    inner join of_ente
        on coalesce(of_ente.year, 0) = coalesce(of_operators.year, 0)
        and of_ente.instrument = of_operators.instrument
        and of_ente.scale = of_operators.scale
)

select * from final
order by period, operator, instrument, scale
